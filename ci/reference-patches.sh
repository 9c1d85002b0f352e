#!/usr/bin/env bash
# Writes patches/reference/KERNEL/: what the recipes change in the reference driver, a patch for each recipe.
#
#   sudo ci/reference-patches.sh [--check] [VGPUKIT]
#
# VGPUKIT is the program (build/vgpukit). --check writes nothing, and fails if the patches are not what it would write.
# The kernels are those of ci/matrix.yaml whose series does not change. Their point releases do: a patch has the
# kernel's name in place of the release and the reason (which quotes files of the machine), and zeros in place of git's
# commit id.
set -euo pipefail
. "$(dirname "$0")/common.sh"
kernels=(5.10-bullseye 6.1-bookworm 6.12-bookworm 6.12-trixie)

check=
if [ "${1:-}" = --check ]; then check=yes; shift; fi
vgpukit=${1:-$ci_top/build/vgpukit}
[ $# -le 1 ] && [[ $vgpukit != -* ]] || usage
[ -x "$vgpukit" ] || die "there is no program $vgpukit: build vgpukit, or name another program" 2
target=$ci_top/patches/reference
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export VGPUKIT_DATA=$ci_top VGPUKIT_STATE=$scratch/state

for kernel in "${kernels[@]}"; do
  lines=$("$ci_top/ci/roots.sh" "${kernel#*-}")
  read -r root release < <(awk -v series="${kernel%%-*}" \
    'index($3, series ".") == 1 || index($3, series "-") == 1 {print $2, $3}' <<<"$lines") ||
    die "the root of ${kernel#*-} has no kernel ${kernel%%-*}: remove it, and ci/roots.sh makes it anew" 3
  "$vgpukit" patch reference --root "$root" --kernel "$release" --accept gpl-export --series \
    --output "$scratch/new/$kernel" >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; exit 1; }
  sed -i -E -e "1s/^From [0-9a-f]{40} /From $(printf '0%.0s' {1..40}) /" -e "1,/^---$/s/^For .*/For $kernel./" \
    "$scratch/new/$kernel"/*.patch
done

if [ "$check" ]; then
  diff -ruN "$target" "$scratch/new" >"$scratch/diff" && exit
  head -n 100 "$scratch/diff" >&2
  die "the recipes change the reference driver in another way than patches/reference says (above):\
 if that is right, run 'ci/reference-patches.sh $vgpukit', read the difference with git, and commit it"
fi
rm -rf "$target"
mkdir -p "$(dirname "$target")"
cp -r "$scratch/new" "$target"
git -C "$ci_top" -c safe.directory='*' status --short -- patches >&2 || true
