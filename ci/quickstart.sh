#!/usr/bin/env bash
# One command on a fresh Debian 12, 13 or sid, or on Arch: installs what is needed, builds vgpukit, installs kernel
# headers if this machine has none, builds the reference driver for a real kernel, and shows what was made and how
# many seconds each part took.
#
#   sudo ci/quickstart.sh
set -euo pipefail
. "$(dirname "$0")/common.sh"
need_root "ci/quickstart.sh"
need_build_dir "$ci_top/build"

parts=
part() { # NAME: what ran since the part before it
  parts+="${parts:+, }$1 $((SECONDS - began))"
  began=$SECONDS
}
began=$SECONDS

say "installing build dependencies"
install_build_deps
part packages

say "building vgpukit: some two minutes on two idle processors; the output is in $ci_top/build.log"
build_vgpukit "$ci_top/build" "${quickstart_flags[@]}" -DVGPUKIT_TESTS=OFF
vgpukit=$ci_top/build/vgpukit
part compile

# The running kernel if it can be had; in a container or chroot that runs another distribution's kernel, this one's
# newest.
kernel=running release=$(uname -r)
ready() {
  "$vgpukit" kernel list | awk -v release="$release" '$1 == release && $2 == "ready" {found = 1} END {exit !found}'
}
if ! ready; then
  say "installing kernel headers"
  case $(family) in
    arch)
      pkgbase=$(cat "/usr/lib/modules/$release/pkgbase" 2>/dev/null || echo linux)
      pacman -S --needed --noconfirm "$pkgbase-headers" >&2 ||
        die "pacman could not install $pkgbase-headers: run 'pacman -Syu', then this command again" 3 ;;
    *)
      headers=linux-headers-$release
      installable "$headers" || headers=linux-headers-amd64
      apt_satisfy "kernel headers" "$headers" ;;
  esac
  ready || kernel=newest
fi
part headers

say "vgpukit build reference --kernel $kernel"
# The reference driver is ours (MIT): exporting its two functions GPL-only, as newer kernels demand, needs no more
# consent than this.
"$vgpukit" build reference --kernel "$kernel" --accept gpl-export
part build
say "done in $SECONDS s: $parts"
say "next, with NVIDIA's package: $vgpukit build FILE.run --kernel $kernel (docs/guides/first-vgpu.md)"
