#!/usr/bin/env bash
# Fetches NVIDIA's kernel module sources from Debian's non-free packages: the real input of the tests. Never part of
# this repository.
#
#   ci/drivers.sh NAME...     (a name of the table below, or all)
#
# Prints one line for each: NAME TARBALL. The packages are named by suite and name, the archive decides on the version.
set -euo pipefail
. "$(dirname "$0")/common.sh"

table() { # NAME SUITE PACKAGE[/POCKET]
  cat <<END
470-bullseye  bullseye nvidia-kernel-source/bullseye
470-sid       sid      nvidia-tesla-470-kernel-source
535-bookworm  bookworm nvidia-kernel-source/bookworm
535-backports bookworm nvidia-kernel-source/bookworm-backports
535-sid       sid      nvidia-tesla-535-kernel-source
550-trixie    trixie   nvidia-kernel-source/trixie
550-sid       sid      nvidia-kernel-source
open-535      bookworm nvidia-open-kernel-source/bookworm
open-550      trixie   nvidia-open-kernel-source/trixie
END
}

[ $# -gt 0 ] || { (usage) || table >&2; exit 2; }
names=("$@")
[ "$1" != all ] || mapfile -t names < <(table | awk '{print $1}')

store=$VGPUKIT_CI_CACHE/drivers
mkdir -p "$store" 2>/dev/null || die "cannot write to $store: run as root, or set VGPUKIT_CI_CACHE" 3
for name in "${names[@]}"; do
  read -r _ suite package < <(table | awk -v n="$name" '$1 == n') || die "no driver is known as '$name'" 2
  dir=$store/$name
  exec 9>"$store/$name.lock"
  flock 9
  if [ ! -e "$dir/.complete" ]; then
    need_root "ci/drivers.sh"
    read -r _ root _ < <("$(dirname "$0")/roots.sh" "$suite" 9>&-)
    rm -rf "$dir" "$root/var/tmp/fetch-$name"
    mkdir -p "$dir" "$root/var/tmp/fetch-$name"
    say "$package from $suite"
    # The list of packages that the root was made with may be older than the archive: a second try asks for a new one.
    fetch() {
      in_root "$root" sh -c 'cd "$1" && apt-get -q download -o APT::Sandbox::User=root "$2"' sh "/var/tmp/fetch-$name" \
        "$package"
    }
    fetch >"$dir.log" 2>&1 || { in_root "$root" apt-get -q update >>"$dir.log" 2>&1; fetch >>"$dir.log" 2>&1; } ||
      { tail -n 5 "$dir.log" >&2; die "cannot fetch $package from $suite"; }
    dpkg-deb -x "$root/var/tmp/fetch-$name"/*.deb "$dir"
    rm -rf "$root/var/tmp/fetch-$name"
    touch "$dir/.complete"
  fi
  exec 9>&-
  tarball=$(find "$dir/usr/src" -name '*.tar.*' | head -n 1)
  [ -n "$tarball" ] || die "$package of $suite holds no tarball under usr/src"
  printf '%s %s\n' "$name" "$tarball"
done
