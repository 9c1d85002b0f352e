#!/usr/bin/env bash
# Builds vgpukit in the sid builder root, where compiler and libraries are the newest, and runs the unit tests there.
set -euo pipefail
. "$(dirname "$0")/common.sh"
need_root "ci/sid.sh"
read -r _ root _ < <("$ci_top/ci/roots.sh" sid)
src=$root/var/tmp/vgpukit-src
rm -rf "$src" && mkdir -p "$src"
source_tar | tar -xf - -C "$src"
# With /proc, in a mount namespace of its own: tests look at processes.
export -f in_root
own_mounts bash -euo pipefail -c '
  mount -t proc proc "$1/proc"
  in_root "$1" bash -euo pipefail -c "$2" bash /var/tmp/vgpukit-src
' bash "$root" '
  . "$1/ci/common.sh"
  install_build_deps
  build_vgpukit /var/tmp/vgpukit-build -DCMAKE_BUILD_TYPE=Debug -DCMAKE_UNITY_BUILD=ON -DVGPUKIT_WERROR=ON
  ctest --test-dir /var/tmp/vgpukit-build --output-on-failure --no-tests=error -j "$(nproc)" --timeout 300 \
    >/var/tmp/vgpukit-build.ctest ||
    { cat /var/tmp/vgpukit-build.ctest >&2; die "unit tests fail on sid" 1; }
  tail -n 5 /var/tmp/vgpukit-build.ctest
'
