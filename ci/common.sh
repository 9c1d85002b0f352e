# shellcheck shell=bash
# Functions that the scripts of ci/ share. It is sourced, not run.

# The folder for roots, driver packages and test results. All of it can be deleted.
: "${VGPUKIT_CI_CACHE:=/var/cache/vgpukit-ci}"
ci_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$1" >&2; exit "${2:-1}"; }
# Prints the comment at the head of the script, and ends it.
usage() { awk 'NR > 1 && !/^#/ {exit} NR > 1 {sub(/^# ?/, ""); print}' "$0" >&2; exit 2; }

need_root() {
  [ "$(id -u)" = 0 ] || die "$1 needs root (it installs packages and makes roots): run it as root or with sudo" 3
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
  # Another apt may run, as after a machine's first boot.
  DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Dpkg::Use-Pty=0 -o APT::Install-Recommends=false \
    -o DPkg::Lock::Timeout=300 "$@"
}

# Renews the package lists. If that fails (no network, a mirror that lags), the old lists may suffice: the error is in
# lists_error, and apt_satisfy prints it if they do not.
apt_update() {
  lists_error=
  local said
  { said=$(apt_quiet update -o APT::Update::Error-Mode=any 2>&1 >&3) || lists_error=$(first_error "$said"); } 3>&2
  [ -z "$lists_error" ] || say "apt-get update failed ($lists_error): going on with the package lists that are here"
}

# The first error in the output of apt or debootstrap; the last line if none is marked.
first_error() {
  awk 'sub(/^E: /, "") && !error {error = $0} NF {last = $0}
    END {sub(/[ .]+$/, "", error); print error ? error : last}' <<<"$1"
}

# Whether apt can install a dependency, written as in debian/control. apt-cache also knows names of packages that
# others only mention and that cannot be installed. The optional COMMAND runs apt elsewhere: in_root ROOT.
installable() { # DEPENDENCY [COMMAND...]
  "${@:2}" apt-get -q --simulate satisfy "$1" >/dev/null 2>&1
}

# Installs dependencies, written as in debian/control. apt takes the first alternative that can be installed.
apt_satisfy() { # WHAT DEPENDENCIES
  local said dependency missing= backports more=0 again="then run this command again"
  said=$(apt_quiet check 2>&1) || die "apt cannot work on this machine ($(first_error "$said")):\
 run 'dpkg --configure -a' and 'apt-get --fix-broken install', $again" 3
  # apt's errors are printed, and quoted below. Without a network it would try four times for each package.
  { said=$(apt_quiet ${lists_error:+-o Acquire::Retries=0} satisfy "$2" 2>&1 >&3) && return; } 3>&2
  printf '%s\n' "$said" >&2
  if ! installable "$2"; then
    # If a library is from backports, as libelf1 with a newer kernel's headers, its -dev package has to be as well.
    backports=$(. /etc/os-release && echo "${VERSION_CODENAME:-}-backports")
    ! apt_quiet --simulate -t "$backports" satisfy "$2" >/dev/null 2>&1 ||
      { apt_quiet -t "$backports" satisfy "$2" >&2 && return; }
    while read -r dependency; do
      ! installable "$dependency" || continue
      if [ ${#missing} -lt 100 ]; then missing+="${missing:+, }'$dependency'"; else more=$((more + 1)); fi
    done < <(tr , '\n' <<<"$2")
  fi
  [ $more = 0 ] || missing+=" and $more more"
  if [ -n "$missing" ] && [ -n "${lists_error:-}" ]; then
    die "apt-get update failed ($lists_error), and no package is known here for $missing:\
 check the network and the archive that /etc/apt names, $again" 3
  elif [ -n "$missing" ]; then
    die "the archive that /etc/apt names has no package for $missing:\
 add an archive that has it, or install it by hand and build as the end of README.md tells" 3
  fi
  die "apt-get could not install $1 ($(first_error "$said")):\
 correct this (is there a network, and space on the disk?), $again" 3
}

# Runs a command in a root with a small, fixed environment.
in_root() {
  local root=$1; shift
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    ${http_proxy:+http_proxy="$http_proxy"} chroot "$root" "$@"
}

# Downloads packages with the apt of a root into the root's folder DIR. LOG gets apt's output.
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

# Writes this checkout as a tar archive to stdout: the files that git tracks or would add. Without git, as in an
# unpacked archive of this repository, all files but build folders.
source_tar() (
  cd "$ci_top"
  if git -c safe.directory='*' rev-parse --git-dir >/dev/null 2>&1; then
    git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
      xargs -0 tar -cf - --ignore-failed-read 2>/dev/null
  else
    tar -cf - --exclude='./build*' .
  fi
)

# Runs a command in a mount namespace of its own. In a chroot whose / is no mount point, mounts cannot be made private,
# and need not be.
own_mounts() {
  local propagation=private
  unshare --mount true 2>/dev/null || propagation=unchanged
  unshare --mount --propagation "$propagation" "$@"
}

# The family of this distribution: debian or arch, otherwise its name.
family() (
  . /etc/os-release 2>/dev/null || true
  case " ${ID:-} ${ID_LIKE:-} " in
    *" debian "*|*" ubuntu "*) echo debian ;;
    *" arch "*|*" archlinux "*) echo arch ;;
    *) echo "${PRETTY_NAME:-this distribution}" ;;
  esac
)

# Installs what vgpukit is built with and what it runs (make, gcc, kmod), on Debian, its derivatives and Arch. On
# Debian the libraries are those of packaging/debian/control.
install_build_deps() {
  need_root "installing the build dependencies"
  case $(family) in
    debian)
      apt_update
      local libraries
      libraries=$(awk '/^[^ ]/ {on = sub(/^Build-Depends: */, "")} on' "$ci_top/packaging/debian/control" | tr -d '\n' |
        sed -E 's/debhelper[^,]*, *//')
      apt_satisfy "the build dependencies" \
        "$libraries, g++, ccache, libgtest-dev, libgmock-dev, git, make, gcc, kmod, xz-utils, ca-certificates"
      ;;
    arch)
      pacman -S --needed --noconfirm base-devel cmake ninja pkgconf ccache libgit2 kmod boost yaml-cpp spdlog cli11 \
        nlohmann-json libarchive libelf xxhash gtest git >&2 ||
        die "pacman could not install the build dependencies: run 'pacman -Syu', then this command again" 3
      ;;
    *) die "no list of packages for '$(family)':\
 install what the end of README.md names, then run 'cmake -B build -G Ninja && ninja -C build'" 3 ;;
  esac
}

# Ends with an error if a build folder, or the log beside it, cannot be written.
need_build_dir() { # DIR
  local reason
  reason=$({ mkdir -p "$1" && : >"$1.log"; } 2>&1) ||
    die "cannot write to $1 (${reason##*: }):\
 copy this checkout to a disk that can be written and has space, then run this command there" 3
}

# How ci/quickstart.sh compiles. -Og compiles in 60 % of the time of -O2; what vgpukit itself computes is a few percent
# of a driver's build.
# shellcheck disable=SC2034
quickstart_flags=(-DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-Og -DNDEBUG" -DCMAKE_UNITY_BUILD=ON)

# Lets this build and ci/fresh.sh use each other's objects: they differ in the checkout's place and in -Werror.
share_compiler_cache() { # [DIR, for a build inside a root]
  export CCACHE_DIR=${1:-$VGPUKIT_CI_CACHE/fresh/ccache} CCACHE_BASEDIR=$ci_top CCACHE_IGNOREOPTIONS=-Werror
}

# Configures and builds: build_vgpukit DIR [cmake options]; all of it, or the targets in ci_target.
build_vgpukit() {
  local dir=$1; shift
  local launcher=()
  need_build_dir "$dir"
  ! command -v ccache >/dev/null || launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  # Only line numbers as debug information: that takes a third less time. Messages are in English, for build_failed.
  # The results of a failed cmake are removed, so that the next run tests again.
  LC_ALL=C.UTF-8 cmake -S "$ci_top" -B "$dir" -G Ninja "${launcher[@]}" \
    -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O2 -g1" -DCMAKE_CXX_FLAGS_DEBUG="-O0 -g1" "$@" >"$dir.log" 2>&1 ||
    { rm -rf "$dir/CMakeCache.txt" "$dir/CMakeFiles"; cat "$dir.log" >&2; build_failed "$dir" cmake; }
  # shellcheck disable=SC2086
  LC_ALL=C.UTF-8 ninja -C "$dir" ${ci_target:-all} >>"$dir.log" 2>&1 ||
    { { grep -A12 -E 'FAILED|error:' "$dir.log" || tail -n 20 "$dir.log"; } | head -n 60 >&2
      build_failed "$dir" "the build"; }
}

build_failed() { # DIR WHAT
  ! grep -qi 'no space left on device' "$1.log" && [ "$(df --output=avail "$1" | tail -n 1)" -gt 1024 ] ||
    die "no space left for $1 (or for the compiler's files in ${TMPDIR:-/tmp}):\
 make room for 300 MB, then run this command again" 3
  die "$2 failed; its log is $1.log"
}

# Makes a minimal Debian root. Its apt uses the archive and the proxy that apt on this machine uses.
new_root() { # SUITE DIR LOG [debootstrap's options]
  local suite=$1 dir=$2 log=$3 archive script=/usr/share/debootstrap/scripts/$1; shift 3
  archive=$(archive_of debian)
  command -v debootstrap >/dev/null || { apt_update; apt_satisfy debootstrap debootstrap; }
  [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
  debootstrap --variant=minbase "$@" "$suite" "$dir" "$archive" "$script" >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; die "debootstrap of $suite from $archive failed ($(first_error "$(<"$log")")):\
 name a suite that this archive has, or see the log, $log" 3; }
  # apt's configuration on this machine may name a proxy.
  apt-config dump --format '%f "%v";%n' 2>/dev/null | grep -iE '^Acquire::(https?|ftp)::Proxy ' \
    >"$dir/etc/apt/apt.conf.d/80host" || rm -f "$dir/etc/apt/apt.conf.d/80host"
  # A mirror that lags behind sid has an outdated Release file. A root that only compiles can use it.
  echo 'Acquire::Check-Valid-Until "false";' >"$dir/etc/apt/apt.conf.d/90vgpukit"
}
