# shellcheck shell=bash
# What the scripts of ci/ share. Sourced, never run.

# Where roots, driver packages and test results live between runs. Everything in it can be deleted.
: "${VGPUKIT_CI_CACHE:=/var/cache/vgpukit-ci}"
ci_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit "${2:-1}"; }

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
