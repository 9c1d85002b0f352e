#!/usr/bin/env bash
# Tries the page of `vgpukit matrix report` in Chromium, and what `vgpukit matrix emit` writes with what reads it elsewhere.
#
#   tests/page/run.sh VGPUKIT FOLDER      (the program; where screenshots are kept)
#
# Needs Debian's chromium, rsync, node and npm (ci/test.sh installs them); the packages of package.json come from npm as it is set up here.
set -euo pipefail
[ $# = 2 ] || { sed -n '2,7p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
VGPUKIT=$(realpath "$1") PAGE_WORK=$(realpath "$2")
export VGPUKIT PAGE_WORK VGPUKIT_DATA="${VGPUKIT_DATA:-$(realpath "$here/../..")}"
# node_modules/ beside what is tested is the same only as long as the list of packages is.
if ! cmp -s "$here/package-lock.json" "$here/node_modules/.installed"; then
  npm ci --prefix "$here" --no-audit --no-fund --omit=optional >"$PAGE_WORK/npm.log" 2>&1 || { tail -n 20 "$PAGE_WORK/npm.log" >&2; exit 3; }
  cp "$here/package-lock.json" "$here/node_modules/.installed"
fi
cd "$here"
exec node --test --test-reporter=tap page.test.mjs jobs.test.mjs
