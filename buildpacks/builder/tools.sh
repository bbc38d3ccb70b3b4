# shellcheck shell=bash
# Sourced by builder.sh: the Go programs that it calls.

# go_tool NAME MODULE VERSION PACKAGE [LINKER FLAGS] prints the path of the program, building it when it is not there.
# It is built in its module's own directory: `go install MODULE@VERSION` asks for the list of the module's versions,
# which not every module proxy has.
go_tool() {
  local name=$1 module=$2 version=$3 package=$4 flags=${5:-} directory
  local program=$cache/bin/$name-v$version
  if [ ! -x "$program" ]; then
    echo "builder: building $name v$version" >&2
    directory=$(module_directory "$module" "v$version")
    (cd "$directory" && CGO_ENABLED=0 nice go build -trimpath -ldflags "-s -w $flags" -o "$work/$name" "$package") >&2
    mv "$work/$name" "$program"
  fi
  echo "$program"
}

# module_directory MODULE VERSION downloads the module and prints where it is.
module_directory() {
  (cd "$work" && go mod download -json "$1@$2") | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p'
}
