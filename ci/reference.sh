#!/usr/bin/env bash
# Renews docs/reference: the pages that `vgpukit shell markdown` writes from the command line itself.
#
#   ci/reference.sh [--check] VGPUKIT
#
# --check  changes nothing, and ends with 1 if the pages are not what this program writes
set -euo pipefail
. "$(dirname "$0")/common.sh"
check=false
[ "${1:-}" != --check ] || { check=true; shift; }
[ $# = 1 ] || usage
program=$(readlink -f "$1")
pages=$ci_top/docs/reference
written=$(mktemp -d)
trap 'rm -rf "$written"' EXIT
"$program" shell markdown --output "$written"
# The other pages there are written by hand.
mapfile -t old < <(cd "$pages" && grep -l '^<!-- Written by `vgpukit shell markdown`' -- *.md)
if ! $check; then
  (cd "$pages" && rm -f -- "${old[@]}")
  cp "$written"/*.md "$pages/"
  exit
fi
for name in "${old[@]}"; do
  [ -e "$written/$name" ] || die "docs/reference/$name is about a command that is gone: run ci/reference.sh VGPUKIT"
done
for page in "$written"/*.md; do
  diff -u "$pages/${page##*/}" "$page" ||
    die "docs/reference/${page##*/} is not what vgpukit writes: run ci/reference.sh VGPUKIT"
done
