# shellcheck shell=bash
# What the scripts of ci/ share. Sourced, never run.

# Where roots, driver packages and test results live between runs. Everything in it can be deleted.
: "${VGPUKIT_CI_CACHE:=/var/cache/vgpukit-ci}"
ci_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$1" >&2; exit "${2:-1}"; }

need_root() {
  [ "$(id -u)" = 0 ] || die "$1 needs root (it installs packages and makes roots): run it with sudo" 3
}

# The address of the Debian archive that apt on this machine uses already, so that a mirror or proxy set up here is
# used everywhere and none is named in this repository. $1: "debian" or "debian-security".
archive_of() {
  local site
  # A site whose path ends in the wanted name; debootstrap's own sources.list has only the first.
  site=$(apt-get indextargets --format '$(SITE)' 2>/dev/null | sed 's#/*$##' | grep -E "/$1\$" | head -n 1)
  if [ -z "$site" ] && [ "$1" = debian-security ]; then
    site=$(archive_of debian) && site="${site%debian}debian-security"
  fi
  [ -n "$site" ] || die "apt on this machine names no Debian archive (.../$1): add one to /etc/apt/sources.list" 3
  printf '%s\n' "$site"
}

apt_quiet() {
  DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Dpkg::Use-Pty=0 -o APT::Install-Recommends=false "$@"
}

# Runs a command in a root with a small, fixed environment.
in_root() {
  local root=$1; shift
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    ${http_proxy:+http_proxy="$http_proxy"} chroot "$root" "$@"
}

# Has apt in a root, which knows the suite's archive, put packages into the root's folder DIR. What apt said is in LOG.
download_in_root() { # ROOT DIR LOG PACKAGE...
  local root=$1 dir=$2 log=$3; shift 3
  rm -rf "${root:?}$dir"
  mkdir -p "$root$dir"
  chmod 777 "$root$dir" # apt downloads as its own user
  local try=(in_root "$root" sh -c 'cd "$1" && shift && apt-get -q download "$@"' sh "$dir" "$@")
  "${try[@]}" >"$log" 2>&1 && return
  # A package list can be older than the archive: then it names files that are gone.
  in_root "$root" apt-get -q update >/dev/null 2>&1
  "${try[@]}" >"$log" 2>&1
}

# Runs a command in a mount namespace of its own. In a chroot whose / is no mount point nothing can be made private, and need not be.
own_mounts() {
  local propagation=private
  unshare --mount true 2>/dev/null || propagation=unchanged
  unshare --mount --propagation "$propagation" "$@"
}

# What vgpukit is built with and what it runs at work (make, gcc, kmod), on Debian and its kin and on Arch.
install_build_deps() {
  need_root "installing the build dependencies"
  . /etc/os-release
  case " ${ID:-} ${ID_LIKE:-} " in
    *" debian "*|*" ubuntu "*)
      # Lists that cannot be renewed (no network, a mirror that lags) may still be good enough: apt says below if they are not.
      apt_quiet update >&2 || say "apt-get update failed: going on with the package lists that are here"
      local boost=libboost-filesystem-dev process=
      # Debian 12's default Boost is 1.74, too old for Boost.Process v2; it has 1.81 beside it. From 1.86 on v2 is a library of its own.
      ! apt-cache show libboost-filesystem1.81-dev >/dev/null 2>&1 || boost=libboost-filesystem1.81-dev
      process=$(apt-cache search --names-only '^libboost-process-dev$' | awk '{print $1}')
      # shellcheck disable=SC2086
      apt_quiet install cmake ninja-build g++ pkg-config ccache libgit2-dev libkmod-dev $boost $process libyaml-cpp-dev libspdlog-dev \
        libcli11-dev nlohmann-json3-dev libarchive-dev libelf-dev libxxhash-dev libgtest-dev libgmock-dev git \
        make gcc kmod xz-utils ca-certificates >&2
      ;;
    *" arch "*|*" archlinux "*)
      pacman -S --needed --noconfirm base-devel cmake ninja pkgconf ccache libgit2 kmod boost yaml-cpp spdlog cli11 nlohmann-json \
        libarchive libelf xxhash gtest git >&2
      ;;
    *) die "no list of packages for '${PRETTY_NAME:-this distribution}': install the libraries that README.md names, then run cmake" 3 ;;
  esac
}

# Configures and builds: build_vgpukit DIR [cmake options]; all of it, or the target in ci_target.
build_vgpukit() {
  local dir=$1; shift
  local launcher=()
  ! command -v ccache >/dev/null || launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  # Line numbers are enough debug information, and take a third less time than all of it.
  cmake -S "$ci_top" -B "$dir" -G Ninja "${launcher[@]}" -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O2 -g1" -DCMAKE_CXX_FLAGS_DEBUG="-O0 -g1" "$@" >"$dir.log" 2>&1 ||
    { cat "$dir.log" >&2; die "cmake failed; its log is $dir.log"; }
  ninja -C "$dir" "${ci_target:-all}" >>"$dir.log" 2>&1 || { grep -A12 -E 'FAILED|error:' "$dir.log" | head -n 60 >&2; die "the build failed; its log is $dir.log"; }
}
