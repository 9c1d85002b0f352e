#!/usr/bin/env bash
# Measures vgpukit against dkms, make and the limit on the real 535 tree, all in one run on this machine, and prints a
# table (--json: one object). Nothing here passes or fails: seconds differ between machines, the ratios are what to
# compare between commits.
#
#   sudo ci/bench.sh [--json] [--quick]     --quick  without whole builds of 535 (about 8 minutes less)
set -euo pipefail
. "$(dirname "$0")/common.sh"
need_root "ci/bench.sh"
command -v python3 >/dev/null && command -v ninja >/dev/null || { install_build_deps; apt_quiet install python3 >&2; }
for ci_target in vgpukit conftest_compare; do
  build_vgpukit "$ci_top/build-bench" -DCMAKE_BUILD_TYPE=Release
done
read -r _ root release < <("$ci_top/ci/roots.sh" bookworm)
read -r _ driver < <("$ci_top/ci/drivers.sh" 535-bookworm)
export PATH=$ci_top/build-bench:$PATH
exec python3 "$ci_top/ci/bench.py" "$ci_top" "$root" "$release" "$driver" "$@"
