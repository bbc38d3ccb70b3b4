#!/bin/bash
# Usage: make.sh greeting|builder. Makes what others have: otherbuilder/greeting:1, the image of a buildpack in Go, or
# otherbuilder/builder:1, a builder with it and lifecycle 0.20.11, which takes two minutes to compile. Each is made once. The
# platform's own builder is there already.
#
# REGISTRY_PUSH, REGISTRY  as for buildpacks/builder.sh
set -euo pipefail
what=$1
export LC_ALL=C

REGISTRY_PUSH=${REGISTRY_PUSH:-127.0.0.1:5000}
REGISTRY=${REGISTRY:-registry.toolforge.local:5000}
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/toolforged
# shellcheck source=../../buildpacks/versions.env
. "$here/../../buildpacks/versions.env"
# shellcheck source=../../buildpacks/builder/tools.sh
. "$here/../../buildpacks/builder/tools.sh"
# shellcheck source=../../buildpacks/builder/sbom.sh
. "$here/../../buildpacks/builder/sbom.sh"
LIFECYCLE_VERSION=0.20.11

mkdir -p "$cache/bin"
work=$(mktemp -d "$cache/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT

crane=$(go_tool crane github.com/google/go-containerregistry "$CRANE_VERSION" ./cmd/crane)
pack=$(go_tool pack github.com/buildpacks/pack "$PACK_VERSION" . "-X github.com/buildpacks/pack/pkg/client.Version=$PACK_VERSION")
base=$("$crane" digest "$REGISTRY_PUSH/toolforge/build:bookworm")
inputs=$({ echo "$base $REGISTRY"; cat "$here"/*; } | sha256sum | cut -c1-32)
if "$crane" digest "$REGISTRY_PUSH/otherbuilder/$what:inputs-$inputs" > /dev/null 2>&1; then exit 0; fi
# pack looks at the run image by the name that pods use, which this machine may not know.
pack() { HTTP_PROXY=http://$REGISTRY_PUSH PACK_HOME=$work/pack "$pack" "$@" --publish --target linux/amd64 --no-color; }

mkdir -p "$work/greeting/bin"
(cd "$here" && CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -trimpath -ldflags "-s -w" -o "$work/greeting/bin/build" .)
ln "$work/greeting/bin/build" "$work/greeting/bin/detect"
cp "$here/buildpack.toml" "$work/greeting/"
if [ "$what" = greeting ]; then
  printf '[buildpack]\nuri = "%s"\n' "$work/greeting" > "$work/package.toml"
  pack buildpack package "$REGISTRY_PUSH/otherbuilder/greeting:1" --config "$work/package.toml"
  "$crane" tag "$REGISTRY_PUSH/otherbuilder/greeting:1" "inputs-$inputs"
  exit 0
fi

version_flag="-X github.com/buildpacks/lifecycle/cmd.Version=$LIFECYCLE_VERSION"
lifecycle=$(go_tool lifecycle github.com/buildpacks/lifecycle "$LIFECYCLE_VERSION" ./cmd/lifecycle "$version_flag")
launcher=$(go_tool launcher github.com/buildpacks/lifecycle "$LIFECYCLE_VERSION" ./cmd/launcher "$version_flag")

mkdir -p "$work/archive/lifecycle"
cp "$lifecycle" "$work/archive/lifecycle/lifecycle"
cp "$launcher" "$work/archive/lifecycle/launcher"
for phase in analyzer detector restorer builder exporter creator rebaser; do
  ln -s lifecycle "$work/archive/lifecycle/$phase"
done
sbom "$work/archive/lifecycle" lifecycle
sbom "$work/archive/lifecycle" launcher
cp "$here/lifecycle.toml" "$work/archive/lifecycle.toml"
tar -C "$work/archive" --sort=name --numeric-owner --owner=0 --group=0 --mtime=@0 -czf "$work/lifecycle.tgz" lifecycle.toml lifecycle

sed "s|@WORK@|$work|; s|@REGISTRY@|$REGISTRY|; s|@PUSH@|$REGISTRY_PUSH|" "$here/builder.toml" > "$work/builder.toml"
pack builder create "$REGISTRY_PUSH/otherbuilder/builder:1" --config "$work/builder.toml"
"$crane" tag "$REGISTRY_PUSH/otherbuilder/builder:1" "inputs-$inputs"
