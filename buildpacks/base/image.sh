# shellcheck shell=bash
# Sourced by builder/images.sh, and part of what the base images are named by.

# assemble REFERENCE LAYER... pushes an image of gzipped tar files, with all that the lifecycle wants to know of it.
assemble() {
  local reference=$1 layers=()
  shift
  for layer in "$@"; do layers+=(--new_layer "$layer"); done
  "$crane" append --platform linux/amd64 --oci-empty-base "${layers[@]}" --new_tag "$reference-layers"
  "$crane" mutate --set-platform linux/amd64 --user 1000:1000 --workdir /workspace \
    --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    --env LANG=C.UTF-8 \
    --env CNB_USER_ID=1000 --env CNB_GROUP_ID=1000 --env CNB_STACK_ID=org.toolforge.bookworm \
    --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
    --env REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt \
    --label io.buildpacks.stack.id=org.toolforge.bookworm \
    --label io.buildpacks.base.distro.name=debian --label io.buildpacks.base.distro.version=12 \
    --tag "$reference" "$reference-layers"
}
