#!/usr/bin/env bash
# Makes builder roots: small Debian systems that hold a kernel's headers and the compiler that it was built with.
#
#   ci/roots.sh SUITE...     (bullseye, bookworm, trixie, sid, all of these, or experimental)
#
# Prints one line for each kernel: SUITE ROOT RELEASE. About 25 s for each root the first time; a finished root is
# used again. Safe to run twice at once: the second run waits. A root that was cut short is made anew. The root
# experimental is sid's with the kernel of experimental. There is none while that kernel is not newer than those of the
# other roots.
set -euo pipefail
. "$(dirname "$0")/common.sh"

# The backports pocket whose kernel a suite's root gets as well; empty for the other suites.
backports_of() { case $1 in bookworm|trixie) echo "$1-backports" ;; esac; }

sources() { # SUITE ARCHIVE SECURITY
  local components="main contrib non-free"
  [ "$1" = bullseye ] || components+=" non-free-firmware"
  echo "deb $2 $1 $components"
  [ "$1" = sid ] || echo "deb $3 $1-security $components"
  [ -z "$(backports_of "$1")" ] || echo "deb $2 $(backports_of "$1") $components"
}

# Installs the newest headers of each series (7.2) that the root's archive has and the root has not.
earlier_series() { # ROOT
  local series release have
  in_root "$1" apt-cache search --names-only '^linux-headers-[0-9]+\.[0-9]+\.[0-9]+[^ ]*-amd64$' |
    awk '{print $1}' | grep -vE -- '-(rt|cloud)-' | sort -V >"$1/var/tmp/headers"
  have=$(ls "$1/lib/modules")
  for series in $(sed -E 's/^linux-headers-([0-9]+\.[0-9]+)\..*/\1/' "$1/var/tmp/headers" | sort -Vu); do
    ! grep -qF "$series." <<<"$have" || continue
    release=$(grep -F -- "-$series." "$1/var/tmp/headers" | tail -n 1)
    in_root "$1" apt-get -q -y install "$release" || return
  done
  rm -f "$1/var/tmp/headers"
}

headers_failed() { # SUITE DIR
  tail -n 20 "$2.log" >&2
  die "installing kernel headers in the $1 root failed; the whole log is $2.log"
}

finish_root() { # WORK DIR
  in_root "$1" apt-get -q clean
  rm -rf "$2"
  mv "$1" "$2"
  touch "$2/.vgpukit-root"
}

make_root() { # SUITE DIR
  local suite=$1 dir=$2 archive security work=$2.part backports
  archive=$(archive_of debian)
  security=$(archive_of debian-security)
  rm -rf "$work"
  say "$suite: debootstrap"
  new_root "$suite" "$work" "$dir.log" --include=ca-certificates
  sources "$suite" "$archive" "$security" >"$work/etc/apt/sources.list"
  rm -f "$work"/etc/apt/sources.list.d/*.sources
  printf '%s\n' 'APT::Install-Recommends "false";' 'Dpkg::Use-Pty "0";' >>"$work/etc/apt/apt.conf.d/90vgpukit"
  mkdir -p "$work/etc/dpkg/dpkg.cfg.d" && echo force-unsafe-io >"$work/etc/dpkg/dpkg.cfg.d/vgpukit"
  printf '#!/bin/sh\nexit 101\n' >"$work/usr/sbin/policy-rc.d" && chmod 755 "$work/usr/sbin/policy-rc.d"
  say "$suite: headers and compiler"
  backports=$(backports_of "$suite")
  # With backports the metapackage depends on the newer kernel, and the first headers stay. The archive has the
  # earlier series of backports for some time: the newest headers of each are installed as well.
  in_root "$work" apt-get -q update >>"$dir.log" 2>&1 &&
    in_root "$work" apt-get -q -y install make gcc libc6-dev xz-utils kmod linux-headers-amd64 >>"$dir.log" 2>&1 &&
    { [ -z "$backports" ] ||
      { in_root "$work" apt-get -q -y install -t "$backports" linux-headers-amd64 >>"$dir.log" 2>&1 &&
        earlier_series "$work" >>"$dir.log" 2>&1; }; } ||
    headers_failed "$suite" "$dir"
  finish_root "$work" "$dir"
}

# The version of linux-headers-amd64 that a root has.
headers_version() { # ROOT
  dpkg-query --admindir="$1/var/lib/dpkg" -W -f '${Version}' linux-headers-amd64 2>/dev/null || true
}

# The version in experimental. apt's own lists of the root stay as they are.
experimental_version() { # ROOT DIR
  local lists=/var/tmp/experimental
  local options=(-o Dir::State::lists="$lists" -o Dir::Etc::sourcelist="$lists.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
  mkdir -p "$1$lists/partial"
  echo "deb $(archive_of debian) experimental main" >"$1$lists.list"
  in_root "$1" apt-get -q "${options[@]}" update >"$2.log" 2>&1 ||
    die "apt-get in $1 could not read experimental ($(first_error "$(<"$2.log")")): see $2.log" 3
  in_root "$1" apt-cache "${options[@]}" madison linux-headers-amd64 2>>"$2.log" | awk 'NR == 1 {print $3}'
  rm -rf "${1:?}$lists" "$1$lists.list"
}

make_experimental() { # DIR
  local dir=$1 sid=$roots/sid work=$1.part version other
  version=$(experimental_version "$sid" "$dir")
  for other in "$roots"/{bullseye,bookworm,trixie,sid}; do
    dpkg --compare-versions "${version:-0}" gt "$(headers_version "$other")" && continue
    say "experimental: ${version:-no kernel}, which is not newer than that of $(basename "$other")"
    return
  done
  rm -rf "$work"
  mkdir "$work"
  say "experimental: a copy of the sid root, and $version"
  tar -C "$sid" --exclude='./var/tmp/*' --exclude='./proc/*' --exclude='./sys/*' --exclude=./.vgpukit-root -cf - . |
    tar -C "$work" -xf -
  echo "deb $(archive_of debian) experimental main" >>"$work/etc/apt/sources.list"
  { in_root "$work" apt-get -q update &&
    in_root "$work" apt-get -q -y install -t experimental linux-headers-amd64; } >>"$dir.log" 2>&1 ||
    headers_failed experimental "$dir"
  finish_root "$work" "$dir"
}

[ $# -gt 0 ] || usage
suites=("$@")
[ "$1" != all ] || suites=(bullseye bookworm trixie sid)
for suite in "${suites[@]}"; do
  case $suite in
    bullseye|bookworm|trixie|sid) ;;
    experimental) "$0" all >/dev/null ;;
    *) die "no builder root is known for '$suite': bullseye, bookworm, trixie, sid or experimental" 2 ;;
  esac
done
roots=$VGPUKIT_CI_CACHE/roots
mkdir -p "$roots" 2>/dev/null || die "cannot write to $roots: run as root, or set VGPUKIT_CI_CACHE" 3

for suite in "${suites[@]}"; do
  dir=$roots/$suite
  exec 9>"$roots/$suite.lock"
  flock 9
  if [ ! -e "$dir/.vgpukit-root" ]; then
    need_root "ci/roots.sh"
    if [ "$suite" = experimental ]; then make_experimental "$dir"; else make_root "$suite" "$dir"; fi
  fi
  exec 9>&-
  for build in "$dir"/lib/modules/*/build; do
    [ -e "$build" ] || [ -L "$build" ] || continue
    release=${build%/build}
    case $release in *-rt-*) continue ;; esac
    printf '%s %s %s\n' "$suite" "$dir" "${release##*/}"
  done
done
