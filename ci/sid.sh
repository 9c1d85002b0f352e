#!/usr/bin/env bash
# Builds vgpukit in the sid builder root, where compiler and libraries are the newest, and runs the unit tests there.
set -euo pipefail
. "$(dirname "$0")/common.sh"
need_root "ci/sid.sh"
read -r _ root _ < <("$ci_top/ci/roots.sh" sid)
src=$root/root/vgpukit
rm -rf "$src" && mkdir -p "$src" "$root/root/.cache/ccache" "$VGPUKIT_CI_CACHE/fresh/ccache"
source_tar | tar -xf - -C "$src"
# With /proc, in a mount namespace of its own: tests look at processes. vgpukit is compiled as ci/quickstart.sh does, so
# that ci/fresh.sh finds these objects.
export -f in_root
own_mounts bash -euo pipefail -c '
  mount -t proc proc "$1/proc"
  mount --bind "$2" "$1/root/.cache/ccache"
  in_root "$1" bash -euo pipefail -c "$3" bash /root/vgpukit
' bash "$root" "$VGPUKIT_CI_CACHE/fresh/ccache" '
  . "$1/ci/common.sh"
  install_build_deps
  share_compiler_cache /root/.cache/ccache
  build_vgpukit "$1/build" "${quickstart_flags[@]}" -DVGPUKIT_WERROR=ON
  ctest --test-dir "$1/build" --output-on-failure --no-tests=error -j "$(nproc)" --timeout 300 \
    >/var/tmp/vgpukit.ctest ||
    { cat /var/tmp/vgpukit.ctest >&2; die "unit tests fail on sid" 1; }
  tail -n 5 /var/tmp/vgpukit.ctest
'
