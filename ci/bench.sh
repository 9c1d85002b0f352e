#!/usr/bin/env bash
# Measures vgpukit against dkms, make and the limit on the real 535 tree, all in one run on this machine, and prints a
# table (--json: one object). Nothing here passes or fails: seconds differ between machines, the ratios are what to
# compare between commits.
#
#   sudo ci/bench.sh [SUITE RELEASE DRIVER] [OPTION...]   default: bookworm, its first kernel, 535-bookworm
#     --quick        without whole builds of 535 (about 8 minutes less)
#     --quickstart   with ci/fresh.sh bookworm, from nothing to the first module
#     --only PART    one function of bench.py: kernel_upgrade, whole_builds, planning, hook, matrix, large_hosts
set -euo pipefail
. "$(dirname "$0")/common.sh"
need_root "ci/bench.sh"
command -v python3 >/dev/null && command -v ninja >/dev/null || { install_build_deps; apt_quiet install python3 >&2; }
for ci_target in vgpukit conftest_compare; do
  build_vgpukit "$ci_top/build-bench" -DCMAKE_BUILD_TYPE=Release -DCMAKE_UNITY_BUILD=ON
done
suite=bookworm release=. name=535-bookworm
case ${1:--} in -*) ;; *) suite=$1 release=$2 name=$3; shift 3 ;; esac
read -r _ root release < <("$ci_top/ci/roots.sh" "$suite" | grep -F -- "$release")
read -r _ driver < <("$ci_top/ci/drivers.sh" "$name")
export PATH=$ci_top/build-bench:$PATH
exec python3 "$ci_top/ci/bench.py" "$ci_top" "$root" "$release" "$driver" "$@"
