# shellcheck shell=bash
# Sourced by the hooks. `clean ROOT` removes what would differ from run to run; `layer ROOT FILE` packs the paths named on
# standard input (each ending in NUL), reproducibly.

clean() {
  local root=$1
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/* "$root"/var/log/* "$root"/tmp/* "$root"/var/tmp/* \
    "$root"/run/* "$root"/var/lib/dpkg/*-old "$root"/etc/*- "$root"/var/lib/systemd "$root"/root/.cache
  mkdir -p "$root/var/cache/apt/archives/partial"
  : > "$root/etc/machine-id"
}

# The newest time among the files that came out of packages: later ones are of this run, and are set back to it.
package_time() {
  find "$1/usr" -xdev -type f ! -newer "$TARGET/.start" -printf '%T@\n' | sort -n | tail -n 1
}

layer() {
  local root=$1 file=$2
  sort -z | tar -C "$root" --create --no-recursion --null --files-from=- --numeric-owner --format=pax \
    --pax-option=delete=atime,delete=ctime --clamp-mtime --mtime="@$(package_time "$root" | cut -d. -f1)" |
    gzip -n -6 > "$file"
}

# Every path of ROOT but what the container runtime provides.
paths() {
  (cd "$1" && find . -xdev \( -path './dev/*' -o -path './proc/*' -o -path './sys/*' -o -path ./etc/resolv.conf \
    -o -path ./etc/hostname -o -path ./.dockerenv \) -prune -o "${@:2}" -print0)
}
