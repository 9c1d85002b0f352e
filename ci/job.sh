#!/usr/bin/env bash
# Brings vgpukit into a job of a CI server: builds it from this checkout and installs it. What `vgpukit matrix emit
# --setup` names in .github/workflows/matrix.yml and ci/gitlab.yaml.
set -euo pipefail
. "$(dirname "$0")/common.sh"
install_build_deps
apt_quiet install debootstrap jq >&2
build_vgpukit "$ci_top/build-job" -DVGPUKIT_TESTS=OFF
cmake --install "$ci_top/build-job" --prefix /usr/local >&2
