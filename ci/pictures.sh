#!/usr/bin/env bash
# Renews the pictures of README.md in docs/pictures, from real runs.
#
#   sudo ci/pictures.sh VGPUKIT build
#   sudo ci/pictures.sh VGPUKIT matrix [RESULT.json]
#
# build   build.svg: dkms alone, then vgpukit, with Debian's driver 535 on the newest kernel of the trixie root; minutes
# matrix  matrix.png: the page of a matrix result (build-test/matrix.json of ci/test.sh --full), opened in Chromium.
#         Without RESULT: the last full run, as the first table of docs/matrix.md records it
set -euo pipefail
. "$(dirname "$0")/common.sh"
need_root "ci/pictures.sh"
[ $# = 2 ] || [ "$#:${2:-}" = 3:matrix ] || usage
vgpukit=$(readlink -f "$1")
pictures=$ci_top/docs/pictures
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # the user of the sandbox has to reach the root folder in it
mkdir -p "$pictures" "$work/bin"
cp "$vgpukit" "$work/bin/vgpukit"
export PATH=$work/bin:$PATH VGPUKIT_DATA=$ci_top

picture_of_build() {
  local tarball
  read -r _ tarball < <("$ci_top/ci/drivers.sh" 535-bookworm)
  export tarball work quote="'"
  # shellcheck disable=SC2016
  "$ci_top/tests/integration/tools/dkms-root" trixie "$work" '
    release=$(ls "$ROOT/lib/modules" | sort -V | tail -n 1)
    version=$(vgpukit driver info "$tarball" --format json |
      python3 -c "import json, sys; print(json.load(sys.stdin)[\"version\"])")
    source=$ROOT/usr/src/nvidia-$version
    mkdir -p "$source" && tar -xf "$tarball" -C "$source" --strip-components=2
    { printf "PACKAGE_NAME=nvidia\nPACKAGE_VERSION=%s\n" "$version"
      # As in the dkms.conf of the installer: dkms adds KERNELRELEASE to a make without quotes.
      printf "MAKE[0]=\"%smake%s -j$(nproc) KERNEL_UNAME=\$kernelver modules\"\nAUTOINSTALL=yes\n" "$quote" "$quote"
      printf "BUILT_MODULE_NAME[0]=nvidia\nDEST_MODULE_LOCATION[0]=/updates/dkms\n"; } >"$source/dkms.conf"
    {
      echo "\$ dkms build nvidia/$version -k $release"
      in_root "$ROOT" dkms build "nvidia/$version" -k "$release" >dkms.out 2>&1 && exit 9
      grep -a "Error\|Bad return" dkms.out | head -n 2
      log=$(find "$ROOT/var/lib/dkms/nvidia" -name make.log | head -n 1)
      echo "\$ grep error: make.log"
      grep -a "error:" "$log" | sed "s#.*/build/##" | awk "!seen[\$0]++" | head -n 4
      mkdir -p "$ROOT/root/drivers" && cp "$tarball" "$ROOT/root/drivers/nvidia-$version.tar.xz"
      echo "\$ vgpukit build nvidia-$version.tar.xz --kernel $release"
      vgpukit build "$ROOT/root/drivers/nvidia-$version.tar.xz" --root "$ROOT" --kernel "$release" --color always \
        --output "$ROOT/root/modules" | sed "s#$ROOT##g"
    } >"$work/session"'
  "$ci_top/tests/tools/terminal_svg.py" <"$work/session" >"$pictures/build.svg"
  cp "$work/session" "${TMPDIR:-/tmp}/vgpukit-picture.txt" # to renew the picture's form alone
}

# Of a cell the table has the verdict, the number of recipes and the time. The page shows the same of it.
recorded_matrix() {
  python3 - "$ci_top/docs/matrix.md" <<'END'
import json, re, sys
text = open(sys.argv[1], encoding="utf-8").read()
releases = dict(re.findall(r"^- (\S+): (\S+)$", text, re.M))
rows = [[cell.strip() for cell in line.strip("| ").split("|")]
        for line in re.search(r"^\| driver \|.*?(?=^$)", text, re.M | re.S)[0].splitlines()]
cells = []
for name, *values in rows[2:]:
    driver, version = re.fullmatch(r"\*\*(.+)\*\* (.+)", name).groups()
    for kernel, value in zip(rows[0][1:], values):
        symbol, recipes, time, unit = re.fullmatch(r"(\S) (\d+), (\d+) (s|min)", value).groups()
        cells.append({"driver": driver, "kernel": kernel, "verdict": {"✔": "verified", "◐": "compiled"}[symbol],
                      "recipes": [""] * int(recipes), "seconds": int(time) * (60 if unit == "min" else 1),
                      "cpu_seconds": 0, "unchanged": False, "reason": "", "hint": "", "inputs": "", "tree": "",
                      "command": "", "log": "", "run": "",
                      "build": {"driver": {"version": version}, "kernel": {"release": releases[kernel]}}})
print(json.dumps({"file": "ci/matrix.yaml", "cells": cells, "kernels": rows[0][1:],
                  "vgpukit": re.search(r"\(vgpukit ([\d.]+)\)", text)[1]}))
END
}

picture_of_matrix() { # [RESULT]
  [ $# = 1 ] || recorded_matrix >"$work/recorded.json"
  vgpukit matrix report "${1:-$work/recorded.json}" --format html --without-diffs >"$work/matrix.html"
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1120,870 \
    --screenshot="$pictures/matrix.png" "file://$work/matrix.html" >"$work/chromium.log" 2>&1 ||
    { tail -n 5 "$work/chromium.log" >&2; die "Chromium made no picture"; }
}

"picture_of_$2" "${@:3}"
