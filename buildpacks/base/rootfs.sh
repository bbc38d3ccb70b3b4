#!/bin/bash
# Usage: rootfs.sh DIRECTORY GOROOT
# Makes DIRECTORY/run.tar.gz (the run image's files) and DIRECTORY/build.tar.gz (what the build image has beside them)
# from Debian 12 with its security updates. The same packages give the same bytes, so the same digests.
set -euo pipefail

target=$1 goroot=$2
here=$(cd "$(dirname "$0")" && pwd)
packages() { grep -v '^#' "$here/$1" | paste -sd, -; }

[ "$(id -u)" = 0 ] || { echo "buildpacks: base images can only be made by root (try: sudo make ...)" >&2; exit 1; }

export TARGET=$target GOROOT_FROM=$goroot BASE=$here BUILD_PACKAGES
BUILD_PACKAGES=$(packages build.packages)
# Set, it makes Python's compiled files depend on their sources' content instead of their times.
export SOURCE_DATE_EPOCH=1700000000
export LC_ALL=C
touch "$target/.start"

# In a mount and process namespace of its own, so that a killed run leaves neither mounts nor processes.
export TMPDIR=$target
unshare --mount --pid --fork --kill-child mmdebstrap --quiet --mode=root --variant=minbase --format=null \
  --skip=cleanup \
  --include="$(packages run.packages)" \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/info/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='path-exclude=/usr/share/lintian/*' \
  --customize-hook="$here/run.hook" \
  --customize-hook="$here/build.hook" \
  bookworm /dev/null
find "$target" -mindepth 1 ! -name run.tar.gz ! -name build.tar.gz -delete
