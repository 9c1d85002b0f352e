#!/usr/bin/env bash
# Tests the page of `vgpukit matrix report` in Chromium, and checks the files of `vgpukit matrix emit`.
#
#   tests/page/run.sh VGPUKIT FOLDER      (the program; a folder for screenshots)
#
# Needs Debian's chromium, rsync, node and npm (ci/test.sh installs them). npm fetches the packages of package.json.
set -euo pipefail
[ $# = 2 ] || { sed -n '2,7p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
VGPUKIT=$(realpath "$1") PAGE_WORK=$(realpath "$2")
export VGPUKIT PAGE_WORK VGPUKIT_DATA="${VGPUKIT_DATA:-$(realpath "$here/../..")}"
# node_modules/ is used again while the list of packages is the same.
if ! cmp -s "$here/package-lock.json" "$here/node_modules/.installed"; then
  npm ci --prefix "$here" --no-audit --no-fund --omit=optional >"$PAGE_WORK/npm.log" 2>&1 ||
    { tail -n 20 "$PAGE_WORK/npm.log" >&2; exit 3; }
  cp "$here/package-lock.json" "$here/node_modules/.installed"
fi
cd "$here"
exec node --test --test-reporter=tap page.test.mjs jobs.test.mjs
