#!/usr/bin/env bash
# Installs QEMU with vfio-user (10.1 or later) in the sid builder root, for the fake card of tests/card.
#
#   ci/qemu.sh        prints the root: `chroot ROOT qemu-system-x86_64 ...`
set -euo pipefail
. "$(dirname "$0")/common.sh"

[ $# = 0 ] || { sed -n '2,4p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
root=$VGPUKIT_CI_CACHE/roots/sid
"$ci_top/ci/roots.sh" sid >/dev/null
exec 9>"$VGPUKIT_CI_CACHE/roots/qemu.lock"
flock 9
if [ ! -x "$root/usr/bin/qemu-system-x86_64" ]; then
  need_root "ci/qemu.sh"
  say "sid: qemu-system-x86"
  log=$root/var/tmp/qemu.log
  { in_root "$root" apt-get -q update && in_root "$root" apt-get -q -y install qemu-system-x86; } >"$log" 2>&1 ||
    die "apt-get in $root could not install qemu-system-x86 ($(first_error "$(<"$log")")): see $log" 3
fi
echo "$root"
