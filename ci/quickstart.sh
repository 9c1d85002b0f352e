#!/usr/bin/env bash
# One command on a fresh Debian 12, 13 or sid, or on Arch: installs what is needed, builds vgpukit, installs kernel headers if this
# machine has none, builds the reference driver for a real kernel, and shows what was made.
#
#   sudo ci/quickstart.sh
set -euo pipefail
. "$(dirname "$0")/common.sh"
need_root "ci/quickstart.sh"

say "installing build dependencies"
install_build_deps

say "building vgpukit"
build_vgpukit "$ci_top/build" -DCMAKE_BUILD_TYPE=Release -DVGPUKIT_TESTS=OFF
vgpukit=$ci_top/build/vgpukit

# The running kernel if it can be had; in a container or chroot that runs another distribution's kernel, this one's newest.
kernel=running
ready() { "$vgpukit" kernel list | grep -qE "^$1 +ready"; }
if ! ready "$(uname -r)"; then
  say "installing kernel headers"
  . /etc/os-release
  case " ${ID:-} ${ID_LIKE:-} " in
    *" arch "*|*" archlinux "*)
      pkgbase=$(cat "/usr/lib/modules/$(uname -r)/pkgbase" 2>/dev/null || echo linux)
      pacman -S --needed --noconfirm "$pkgbase-headers" >&2 ;;
    *)
      apt_quiet install "linux-headers-$(uname -r)" >&2 2>/dev/null || { apt_quiet install linux-headers-amd64 >&2; kernel=newest; } ;;
  esac
  ready "$(uname -r)" || kernel=newest
fi

say "vgpukit build reference --kernel $kernel"
# The reference driver is ours (MIT): exporting its two functions GPL-only, as newer kernels demand, needs no more consent than this.
"$vgpukit" build reference --kernel "$kernel" --accept gpl-export
