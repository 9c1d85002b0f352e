#!/usr/bin/env bash
# Runs README.md's commands where a user runs them: in a fresh minimal Debian, as root, on a clean checkout of HEAD.
#
#   sudo ci/fresh.sh [SUITE...]      ci/quickstart.sh in each suite (bookworm trixie sid); verifies its modules
#   sudo ci/fresh.sh --test SUITE    ci/test.sh instead
#
# Prints a line for each suite, with the seconds of each part. Suites and runs share the compiler's cache,
# VGPUKIT_CI_CACHE/fresh/ccache, and nothing else. The roots are in VGPUKIT_CI_CACHE/fresh; they are removed
# afterwards, also after a failure or Ctrl-C, and their mounts end with them.
set -euo pipefail
. "$(dirname "$0")/common.sh"
fresh=$VGPUKIT_CI_CACHE/fresh

# Runs in a mount and process namespace of its own.
suite_inside() { # SUITE DIR COMMAND
  local suite=$1 root=$2/root log=$2.log command=$3 parts modules release made code=0
  mount -t proc proc /proc
  mkdir -p "$root" "$2/upper" "$2/work"
  if [ "$command" = ci/quickstart.sh ]; then
    # Nothing of this root is needed after a crash: without syncs dpkg takes less than half the time. Where the kernel
    # has no such overlay, the folder itself is used.
    mount -t overlay overlay -o "volatile,lowerdir=$root,upperdir=$2/upper,workdir=$2/work" "$root" 2>/dev/null || true
  else
    # The tests mount overlays, which cannot lie on another. As a mount point of its own the root is private.
    mount --bind "$root" "$root"
  fi
  new_root "$suite" "$root" "$log"
  made=$SECONDS
  mkdir -p "$root/root/vgpukit" "$root/root/.cache/ccache"
  if git -C "$ci_top" -c safe.directory='*' rev-parse --git-dir >/dev/null 2>&1; then
    git -C "$ci_top" -c safe.directory='*' archive HEAD | tar -xf - -C "$root/root/vgpukit"
  else
    source_tar | tar -xf - -C "$root/root/vgpukit"
  fi
  mount --bind "$fresh/ccache" "$root/root/.cache/ccache"
  # ci/test.sh compiles the same files in another place.
  echo 'base_dir = /root/vgpukit' >"$root/etc/ccache.conf"
  mount -t proc proc "$root/proc"
  mount --rbind /sys "$root/sys"
  mount --rbind /dev "$root/dev"
  failed() { tail -n 30 "$log" >&2; die "$suite: $1; all that was printed is in $log" 1; }
  user() { in_root "$root" env -u DEBIAN_FRONTEND sh -c 'cd /root/vgpukit && exec "$@"' sh "$@"; }
  if [ "$command" != ci/quickstart.sh ]; then
    user "$command"
    return
  fi
  user "$command" >"$log" 2>&1 || code=$?
  [ "$code" = 0 ] || failed "$command ends with $code"
  parts=$(sed -n 's/.*done in [0-9]* s: //p' "$log")
  modules=$(grep -oE '/[^ ]+/nvidia(-vgpu-vfio)?\.ko' "$log" | sort -u)
  [ -n "$parts" ] && [ "$(wc -w <<<"$modules")" = 2 ] ||
    failed "$command did not name its parts, nvidia.ko and nvidia-vgpu-vfio.ko"
  release=$(basename "$(dirname "${modules%%$'\n'*}")")
  # shellcheck disable=SC2086
  user build/vgpukit verify --kernel "$release" $modules >>"$log" 2>&1 ||
    failed "$release would not load what $command made"
  echo "root $made, $parts" >"$2/parts"
}

if [ -n "${FRESH_INSIDE:-}" ]; then
  suite_inside "$@"
  exit
fi

need_root "ci/fresh.sh"
command=ci/quickstart.sh
if [ "${1:-}" = --test ]; then
  command=ci/test.sh; shift
  [ $# = 1 ] || set -- --help
fi
[ $# -gt 0 ] || set -- bookworm trixie sid
for suite; do
  [[ $suite =~ ^[a-z]+$ ]] || usage
done
mkdir -p "$fresh/ccache" 2>/dev/null || die "cannot write to $fresh: set VGPUKIT_CI_CACHE" 3

dir='' job=''
clean() {
  # The job is a process group of its own. With unshare, its first process, all processes in the namespace end, and
  # its mounts go.
  [ -z "$job" ] || { kill -KILL -- "-$job" 2>/dev/null; wait "$job" 2>/dev/null; } || true
  job=
  [ -z "$dir" ] || rm -rf --one-file-system "$dir"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

green=
for suite; do
  exec 9>"$fresh/$suite.lock"
  flock 9
  began=$SECONDS dir=$fresh/$suite
  rm -rf --one-file-system "$dir"
  mkdir "$dir"
  say "$suite: $command in a fresh root"
  set -m
  FRESH_INSIDE=yes own_mounts --pid --fork --kill-child "$0" "$suite" "$dir" "$command" </dev/null 9>&- &
  job=$!
  set +m
  wait "$job"
  job=
  green+="$suite: green in $((SECONDS - began)) s"$([ ! -e "$dir/parts" ] || sed 's/^/: /' "$dir/parts")$'\n'
  clean
  dir=
  exec 9>&-
done
printf '\033[32m%s\033[0m\n' "${green%$'\n'}"
