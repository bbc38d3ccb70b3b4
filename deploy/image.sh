#!/bin/bash
# Makes the image of toolforged (with toolforge-source in it) and puts it into the registry, named by its contents. It
# prints the image's name in the cluster; everything else that it says goes to standard error.
#
# REGISTRY_PUSH  how this machine reaches the registry (default 127.0.0.1:5000)
# REGISTRY       how pods and containerd name it       (default registry.toolforge.local:5000)
set -euo pipefail
export LC_ALL=C

REGISTRY_PUSH=${REGISTRY_PUSH:-127.0.0.1:5000}
REGISTRY=${REGISTRY:-registry.toolforge.local:5000}
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/toolforged
mkdir -p "$cache/bin"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=../buildpacks/versions.env
. "$here/../buildpacks/versions.env"
# shellcheck source=../buildpacks/builder/tools.sh
. "$here/../buildpacks/builder/tools.sh"

certificates=/etc/ssl/certs/ca-certificates.crt
if [ ! -s "$certificates" ]; then
  echo "image: installing the Debian package ca-certificates" >&2
  apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates > /dev/null
fi
version=$(git -C "$here" describe --tags --always --dirty 2> /dev/null || echo development)
mkdir -p "$work/root/etc/ssl/certs"
cp "$certificates" "$work/root/etc/ssl/certs/"
(cd "$here/.." && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$version" -o "$work/root/" ./cmd/toolforged ./cmd/toolforge-source)
tar -C "$work/root" --sort=name --numeric-owner --owner=0 --group=0 --mode=go-w,a+rX --mtime=@0 -czf "$work/layer.tar.gz" .

tag=$(sha256sum "$work/layer.tar.gz" | cut -c1-20)
crane=$(go_tool crane github.com/google/go-containerregistry "$CRANE_VERSION" ./cmd/crane)
image=toolforge/toolforged:$tag
if ! "$crane" digest "$REGISTRY_PUSH/$image" > /dev/null 2>&1; then
  {
    "$crane" append --platform linux/amd64 --oci-empty-base --new_layer "$work/layer.tar.gz" --new_tag "$REGISTRY_PUSH/$image-layer" &&
      "$crane" mutate --set-platform linux/amd64 --user 65532:65532 --entrypoint /toolforged --tag "$REGISTRY_PUSH/$image" "$REGISTRY_PUSH/$image-layer"
  } > "$work/crane.log" 2>&1 || { cat "$work/crane.log" >&2; exit 1; }
fi
echo "$REGISTRY/$image"
