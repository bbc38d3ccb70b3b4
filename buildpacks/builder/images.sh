# shellcheck shell=bash
# Sourced by builder.sh: what the images are made from, and how they get into the registry.

# files_hash PATH... prints one hash of the names, modes and contents of all files below.
files_hash() {
  find "$@" -type f -printf '%m %p\0' | sort -z | while IFS= read -r -d '' entry; do
    echo "${entry#* }" "${entry%% *}" "$(sha256sum < "${entry#* }")"
  done | sha256sum | cut -c1-32
}

certificates() { find /usr/local/share/ca-certificates -name '*.crt' -type f 2> /dev/null | sort | xargs -r cat; }

base_hash() {
  { (cd "$here" && files_hash base); certificates; echo "$BASE_WEEK $GO_VERSION"; } | sha256sum | cut -c1-32
}

builder_hash() {
  { (cd "$here" && files_hash builder builder.sh ./*/buildpack.toml ./*/bin ./*/*.conf)
    echo "$1 $REGISTRY $LIFECYCLE_VERSION $PACK_VERSION"; } | sha256sum | cut -c1-32
}

# make_base DIRECTORY: both images as OCI layouts, whole or not at all. The registry puts them together.
make_base() {
  if ! command -v mmdebstrap > /dev/null; then
    echo "builder: installing the Debian package mmdebstrap"
    apt-get update -qq && apt-get install -y -qq mmdebstrap > /dev/null
  fi
  mkdir "$work/base"
  nice "$here/base/rootfs.sh" "$work/base" "$(module_directory golang.org/toolchain "v0.0.1-go$GO_VERSION.linux-amd64")"
  local run=$work/base/run.tar.gz build=$work/base/build.tar.gz
  quietly assemble "$REGISTRY_PUSH/toolforge/run:new" "$run"
  quietly assemble "$REGISTRY_PUSH/toolforge/build:new" "$run" "$build"
  for name in run build; do
    quietly "$crane" pull --format oci "$REGISTRY_PUSH/toolforge/$name:new" "$work/base/$name"
  done
  rm "$run" "$build"
  # Only the newest are of use.
  find "$cache/base" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} +
  mv -T "$work/base" "$1" 2> /dev/null || [ -d "$1" ] # another run may have been faster
}

# push_base DIRECTORY puts the two base images into the registry.
push_base() {
  for name in run build; do
    quietly "$crane" push "$1/$name" "$REGISTRY_PUSH/toolforge/$name:$suite"
  done
}

# quietly COMMAND... shows what it says only if it fails.
quietly() { "$@" > "$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }; }

# make_builder writes what `pack` reads and has it push the builder image.
make_builder() {
  mkdir -p "$work/archive/lifecycle"
  cp "$lifecycle" "$work/archive/lifecycle/lifecycle"
  cp "$launcher" "$work/archive/lifecycle/launcher"
  for phase in analyzer detector restorer builder exporter creator rebaser; do
    ln -s lifecycle "$work/archive/lifecycle/$phase"
  done
  sbom "$work/archive/lifecycle" lifecycle
  sbom "$work/archive/lifecycle" launcher
  sed "s|@VERSION@|$LIFECYCLE_VERSION|" "$here/builder/lifecycle.toml" > "$work/archive/lifecycle.toml"
  tar -C "$work/archive" --sort=name --numeric-owner --owner=0 --group=0 --mtime=@0 -czf "$work/lifecycle.tgz" \
    lifecycle.toml lifecycle
  # Each has what it shares with others itself.
  mkdir "$work/buildpacks"
  for buildpack in "$here"/*/buildpack.toml; do cp -rL "$(dirname "$buildpack")" "$work/buildpacks/"; done
  # What the run image has need not be unpacked again.
  "$crane" export "$REGISTRY_PUSH/toolforge/run:$suite" - | tar -xO --wildcards '*var/lib/dpkg/status' > "$work/buildpacks/apt/run-status"
  sed "s|@BUILDPACKS@|$work/buildpacks|; s|@REGISTRY@|$REGISTRY|; s|@PUSH@|$REGISTRY_PUSH|; s|@LIFECYCLE@|$work/lifecycle.tgz|" \
    "$here/builder/builder.toml" > "$work/builder.toml"
  # pack looks at the run image by the name that pods use, which this machine may not know; a registry without TLS, asked
  # as a proxy, answers for any name.
  HTTP_PROXY=http://$REGISTRY_PUSH PACK_HOME=$work/pack quietly \
    "$pack" builder create "$REGISTRY_PUSH/toolforge/builder:$suite" --config "$work/builder.toml" \
    --publish --target linux/amd64 --no-color
}

# The tag inputs-HASH beside the tag of the suite says what an image was made from, without changing the image.
mark() { "$crane" tag "$REGISTRY_PUSH/toolforge/$1:$suite" "inputs-$2" 2> /dev/null; }

is_current() {
  local image=$REGISTRY_PUSH/toolforge/$1 digest
  digest=$("$crane" digest "$image:inputs-$2" 2> /dev/null) &&
    [ "$digest" = "$("$crane" digest "$image:$suite" 2> /dev/null)" ]
}
