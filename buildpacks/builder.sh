#!/bin/bash
# Makes the builder `bookworm` and puts it into the registry: toolforge/run, toolforge/build and toolforge/builder.
#
# REGISTRY_PUSH  how this machine reaches the registry (default 127.0.0.1:5000)
# REGISTRY       how pods and containerd name it       (default registry.toolforge.local:5000)
# BASE_WEEK      the week of the security updates       (default: this one, for example 2026-W48)
#
# Slow results are kept by the hash of what they were made from, outside the checkout. If the registry has them
# already, this ends at once.
set -euo pipefail
export LC_ALL=C

REGISTRY_PUSH=${REGISTRY_PUSH:-127.0.0.1:5000}
REGISTRY=${REGISTRY:-registry.toolforge.local:5000}
BASE_WEEK=${BASE_WEEK:-$(date -u +%G-W%V)}
suite=bookworm
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/toolforged
# shellcheck source=versions.env
. "$here/versions.env"
# shellcheck source=builder/tools.sh
. "$here/builder/tools.sh"
# shellcheck source=builder/sbom.sh
. "$here/builder/sbom.sh"
# shellcheck source=base/image.sh
. "$here/base/image.sh"
# shellcheck source=builder/images.sh
. "$here/builder/images.sh"

mkdir -p "$cache/bin" "$cache/base"
find "$cache" -maxdepth 1 -name '.work.*' -mmin +180 -exec rm -rf {} + # of killed runs
work=$(mktemp -d "$cache/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT

begun=$(date +%s)
step() {
  local now
  now=$(date +%s)
  [ -z "${current:-}" ] || echo "builder: $current took $((now - since)) s"
  current=${1:-} since=$now
  [ -z "$current" ] || echo "builder: $current ..."
}

base_inputs=$(base_hash)
builder_inputs=$(builder_hash "$base_inputs")

crane=$(go_tool crane github.com/google/go-containerregistry "$CRANE_VERSION" ./cmd/crane)
if is_current run "$base_inputs" && is_current builder "$builder_inputs"; then
  echo "builder: $REGISTRY_PUSH/toolforge/builder:$suite is up to date"
  exit 0
fi

base=$cache/base/$base_inputs
if [ ! -d "$base" ]; then
  step "making the base images from Debian packages (minutes)"
  make_base "$base"
fi

step "building lifecycle and pack, unless they are there"
version_flag="-X github.com/buildpacks/lifecycle/cmd.Version=$LIFECYCLE_VERSION"
lifecycle=$(go_tool lifecycle github.com/buildpacks/lifecycle "$LIFECYCLE_VERSION" ./cmd/lifecycle "$version_flag")
launcher=$(go_tool launcher github.com/buildpacks/lifecycle "$LIFECYCLE_VERSION" ./cmd/launcher "$version_flag")
pack=$(go_tool pack github.com/buildpacks/pack "$PACK_VERSION" . "-X github.com/buildpacks/pack/pkg/client.Version=$PACK_VERSION")

step "pushing the base images"
push_base "$base"

step "making the builder"
make_builder
mark run "$base_inputs"
mark builder "$builder_inputs"

step
echo "builder: $REGISTRY_PUSH/toolforge/builder:$suite is ready after $(($(date +%s) - begun)) s"
