#!/usr/bin/env bash
# Fetches a package of a builder root's suite and unpacks it: a program of another Debian, for a test guest. Nothing
# is installed.
#
#   ci/package.sh SUITE PACKAGE        prints the folder
set -euo pipefail
. "$(dirname "$0")/common.sh"

[ $# = 2 ] || usage
suite=$1 package=$2
root=$VGPUKIT_CI_CACHE/roots/$suite
dir=$VGPUKIT_CI_CACHE/packages/$suite/$package
[ -e "$root/.vgpukit-root" ] || die "there is no $suite root: run ci/roots.sh $suite" 3

mkdir -p "${dir%/*}" 2>/dev/null || die "cannot write to ${dir%/*}: run as root, or set VGPUKIT_CI_CACHE" 3
exec 9>"$dir.lock"
flock 9
if [ ! -e "$dir" ]; then
  need_root "ci/package.sh"
  inside=/var/tmp/vgpukit-package-$package
  say "$suite: $package"
  download_in_root "$root" "$inside" "$dir.log" "$package" ||
    { cat "$dir.log" >&2; die "the archive of $suite has no package $package" 3; }
  rm -rf "$dir.part"
  dpkg -x "$root$inside"/*.deb "$dir.part"
  rm -rf "${root:?}$inside"
  mv "$dir.part" "$dir"
fi
echo "$dir"
