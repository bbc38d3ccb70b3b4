#!/bin/bash
# Makes the image of toolforged (with toolforge-build and the lifecycle in it) and puts it into the registry, named by its
# contents. It prints the image's name in the cluster; everything else that it says goes to standard error.
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
# shellcheck source=../buildpacks/builder/sbom.sh
. "$here/../buildpacks/builder/sbom.sh"

certificates=/etc/ssl/certs/ca-certificates.crt
if [ ! -s "$certificates" ]; then
  echo "image: installing the Debian package ca-certificates" >&2
  apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates > /dev/null
fi
version=$(git -C "$here" describe --tags --always --dirty 2> /dev/null || echo development)
mkdir -p "$work/root/etc/ssl/certs"
cp "$certificates" "$work/root/etc/ssl/certs/"
(cd "$here/.." && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$version" -o "$work/root/" ./cmd/toolforged ./cmd/toolforge-build)

tar -C "$work/root" --sort=name --numeric-owner --owner=0 --group=0 --mode=go-w,a+rX --mtime=@0 -czf "$work/layer.tar.gz" .

# The lifecycle that analyzes and exports, whatever builder builds, and the launcher that goes into images: a layer of its
# own, which is made once.
layer=$cache/lifecycle-$(cat "$here/../buildpacks/versions.env" "$here/../buildpacks/builder/sbom.sh" "$here/image.sh" | sha256sum | cut -c1-20).tar.gz
if [ ! -s "$layer" ]; then
  version_flag="-X github.com/buildpacks/lifecycle/cmd.Version=$LIFECYCLE_VERSION"
  mkdir -p "$work/lifecycle/cnb/lifecycle"
  for name in lifecycle launcher; do
    cp "$(go_tool "$name" github.com/buildpacks/lifecycle "$LIFECYCLE_VERSION" "./cmd/$name" "$version_flag")" "$work/lifecycle/cnb/lifecycle/"
    mv "$work/lifecycle/cnb/lifecycle/$name-v$LIFECYCLE_VERSION" "$work/lifecycle/cnb/lifecycle/$name"
    sbom "$work/lifecycle/cnb/lifecycle" "$name"
  done
  ln -s lifecycle "$work/lifecycle/cnb/lifecycle/analyzer"
  ln -s lifecycle "$work/lifecycle/cnb/lifecycle/exporter"
  tar -C "$work/lifecycle" --sort=name --numeric-owner --owner=0 --group=0 --mode=go-w,a+rX --mtime=@0 -czf "$work/lifecycle.tar.gz" .
  mv "$work/lifecycle.tar.gz" "$layer"
fi

tag=$(cat "$work/layer.tar.gz" "$layer" | sha256sum | cut -c1-20)
crane=$(go_tool crane github.com/google/go-containerregistry "$CRANE_VERSION" ./cmd/crane)
image=toolforge/toolforged:$tag
if ! "$crane" digest "$REGISTRY_PUSH/$image" > /dev/null 2>&1; then
  {
    "$crane" append --platform linux/amd64 --oci-empty-base --new_layer "$layer" --new_layer "$work/layer.tar.gz" --new_tag "$REGISTRY_PUSH/$image-layer" &&
      "$crane" mutate --set-platform linux/amd64 --user 65532:65532 --entrypoint /toolforged --tag "$REGISTRY_PUSH/$image" "$REGISTRY_PUSH/$image-layer"
  } > "$work/crane.log" 2>&1 || { cat "$work/crane.log" >&2; exit 1; }
fi
echo "$REGISTRY/$image"
