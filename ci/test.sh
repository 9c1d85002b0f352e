#!/usr/bin/env bash
# One command that tests everything: builds vgpukit with this Debian's compiler and with the newest, runs the unit tests
# (under AddressSanitizer and UBSan here, without them on sid), then ci/quickstart.sh on fresh machines, real drivers on
# real kernels' headers, then those kernels themselves under QEMU.
#
#   sudo ci/test.sh [--full] [--only TEXT]
#
# --full  every cell and every case, not only the quick ones; clang-tidy; -O2, with the unit tests; fuzzers with
#         libFuzzer, 10 minutes each
# --only  the unit tests, and integration cases whose name or file contains TEXT
# Needs root (it makes builder roots with debootstrap) and a Debian machine. What it makes outside build*/ is in
# VGPUKIT_CI_CACHE.
set -euo pipefail
. "$(dirname "$0")/common.sh"
need_root "ci/test.sh"
full=() only=()
while [ $# -gt 0 ]; do
  case $1 in
    --full) full=(--full) ;;
    --only) only=(--only "${2:?--only takes a text}"); shift ;;
    *) usage ;;
  esac
  shift
done
. /etc/os-release
case " ${ID:-} ${ID_LIKE:-} " in
  *" debian "*) ;;
  *) die "ci/test.sh makes Debian builder roots and runs on Debian only" 3 ;;
esac
cd "$ci_top"

say "installing build dependencies"
install_build_deps
# makeself makes installers for the tests, whose scripts unpack themselves with zstd and bzip2. The tests compare
# vgpukit's output with mdevctl and libvirt's virt-xml-validate. QEMU boots the kernels of tests/vm, with guests of
# busybox and a static program. podman has the container images of the matrix tests.
apt_quiet install ${full:+clang-tidy clang} clang-format debootstrap python3 util-linux makeself bzip2 zstd mdevctl \
  libvirt-clients libxml2-utils rpm makepkg pacman-package-manager libarchive-tools openssl debhelper fakeroot \
  man-db mkdocs python3-yaml python3-jsonschema qemu-system-x86 busybox-static libc6-dev podman >&2
# The tests open the matrix's page in a browser, and run its jobs with gitlab-ci-local (which uses rsync).
apt_quiet install chromium fonts-dejavu-core rsync >&2
command -v npm >/dev/null || apt_quiet install nodejs npm >&2

unit() {
  ctest --test-dir "$1" --output-on-failure --no-tests=error -j "$(nproc)" --timeout 300 | tee "$1.ctest" | tail -n 5
}

# Runs tests as the user nobody, who lacks root's rights. Skipped if nobody cannot read the checkout's folder.
unit_as_nobody() {
  if ! runuser -u nobody -- test -x "$1/unit_support"; then
    echo "skipped: nobody cannot read $1" >&2
    return
  fi
  # shellcheck disable=SC2016
  printf '%s\n' install passthrough support kernel driver system vgpu conftest build load doctor |
    xargs -P "$(nproc)" -I FOLDER sh -c 'cd / && runuser -u nobody -- env HOME=/nonexistent "$0/unit_FOLDER" \
      --gtest_brief=1 >"$0/nobody-FOLDER.log" 2>&1 || { cat "$0/nobody-FOLDER.log" >&2; exit 1; }' "$1" ||
    die "unit tests fail for an ordinary user" 1
}

# Runs each fuzzer of a build for some seconds. One that fails leaves its input: tests/README.md.
fuzz() { # BUILD OPTIONS, with the name TARGET
  mkdir -p "$1/fuzzing"
  # shellcheck disable=SC2016
  (cd "$1/fuzzing" && ../fuzz --list | xargs -P "$(nproc)" -I TARGET sh -c '../fuzz "$@" >TARGET.log 2>&1 || {
      tail -n 40 TARGET.log; echo "the fuzzer TARGET fails; its input is in $PWD"; exit 1; } >&2' sh "${@:2}") ||
    die "a fuzzer has found a fault" 1
}

if [ ${#full[@]} -gt 0 ]; then
  # The lexer's tests also read every file of every real driver.
  trees=
  while read -r name tarball; do
    dir=$VGPUKIT_CI_CACHE/trees/$name
    [ -e "$dir" ] || { mkdir -p "$dir.part" && tar -xf "$tarball" -C "$dir.part" && mv "$dir.part" "$dir"; }
    trees+=${trees:+:}$dir
  done < <(ci/drivers.sh all)
  export VGPUKIT_TEST_DRIVERS=$trees
fi

if [ ${#full[@]} -gt 0 ]; then
  say "clang-tidy"
  tests/tools/check-tidy.py --all || die "clang-tidy has findings (above; the checks are in .clang-tidy)" 1
fi
tests/tools/check-includes.py >/dev/null || { tests/tools/check-includes.py; die "an include points the wrong way" 1; }
tests/tools/check-style.py || die "these files are not in the form of docs/style.md" 1
tests/tools/check-documents.py || die "the documents have these faults" 1
ci/site.sh build-test/site
tests/tools/json_schemas.py --self-test || die "docs/schemas, or the check that uses them" 1
# The builder roots are made while the compiler runs: most of that is downloading. What needs them waits for their
# locks, and makes what is missing.
if [ ${#only[@]} = 0 ]; then
  mkdir -p "$VGPUKIT_CI_CACHE"
  set -m
  { ci/roots.sh sid bookworm trixie bullseye && ci/variants.sh quick; } >/dev/null 2>"$VGPUKIT_CI_CACHE/roots.log" &
  roots=$!
  set +m
  trap 'kill -- "-$roots" 2>/dev/null || true' EXIT
fi

say "building with $(c++ -dumpfullversion), warnings are errors"
# As ci/quickstart.sh does, so that ci/fresh.sh finds these objects. With --full at -O2, and the unit tests, too:
# otherwise they run under AddressSanitizer here, and without it on sid.
targets="vgpukit host_tree conftest_compare headers_compare shell_files" flags=("${quickstart_flags[@]}")
[ ${#full[@]} = 0 ] || { targets+=" unit_tests"; flags=(-DCMAKE_BUILD_TYPE=RelWithDebInfo); }
(
  share_compiler_cache
  ci_target=$targets build_vgpukit "$ci_top/build-test" -DVGPUKIT_WERROR=ON "${flags[@]}"
)
ci/reference.sh --check build-test/vgpukit
[ ${#full[@]} = 0 ] || unit "$ci_top/build-test"

say "unit tests under AddressSanitizer and UBSan"
ci_target="unit_tests fuzz" build_vgpukit "$ci_top/build-asan" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_UNITY_BUILD=ON \
  -DVGPUKIT_SANITIZE=ON -DVGPUKIT_WERROR=ON -DVGPUKIT_FUZZ=ON
unit "$ci_top/build-asan"
unit_as_nobody "$ci_top/build-asan"

say "fuzzers"
fuzz "$ci_top/build-asan" --seconds 10 TARGET
if [ ${#full[@]} -gt 0 ]; then
  ci_target=fuzz build_vgpukit "$ci_top/build-fuzz" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_UNITY_BUILD=ON \
    -DCMAKE_CXX_FLAGS_DEBUG="-O1 -g1" -DCMAKE_CXX_COMPILER=clang++ -DVGPUKIT_SANITIZE=ON -DVGPUKIT_FUZZ=ON
  fuzz "$ci_top/build-fuzz" --libfuzzer TARGET -max_total_time=600 -timeout=20 -rss_limit_mb=2048 -max_len=65536
fi

if [ ${#only[@]} = 0 ]; then
  say "what the recipes change in the reference driver"
  ci/reference-patches.sh --check build-test/vgpukit

  # The newest compiler and libraries, as on Arch.
  say "building on sid, warnings are errors"
  ci/sid.sh
fi

if [ ${#only[@]} = 0 ]; then
  say "ci/quickstart.sh on fresh machines"
  ci/fresh.sh
fi

if [ ${#only[@]} = 0 ]; then
  say "the matrix's page in a browser, its jobs with what reads them"
  code=0
  CI_CELLS=$(tests/page/cells.sh) tests/page/run.sh build-test/vgpukit build-test >build-test/page.log 2>&1 || code=$?
  case $code in
    0) ;;
    3) say "SKIPPED: npm cannot fetch what the page's tests need"; cat build-test/page.log >&2 ;;
    *) cat build-test/page.log >&2; die "the page or the jobs are not as they should be" 1 ;;
  esac
  grep -E '^# (pass|fail|skipped) ' build-test/page.log || true
fi

say "real drivers, real kernels"
python3 tests/integration/run.py --vgpukit "$ci_top/build-test/vgpukit" "${full[@]}" "${only[@]}"

if [ ${#only[@]} = 0 ]; then
  say "real kernels, with the modules loaded"
  python3 tests/vm/run.py --vgpukit "$ci_top/build-test/vgpukit"
fi

if [ ${#full[@]} -gt 0 ] && [ ${#only[@]} = 0 ]; then
  say "the matrix: every driver on every kernel"
  code=0
  VGPUKIT_DATA=$ci_top build-test/vgpukit matrix run ci/matrix.yaml --output build-test/matrix.json || code=$?
  if [ -e build-test/matrix.json ]; then
    build-test/vgpukit matrix report build-test/matrix.json >build-test/matrix.md
    build-test/vgpukit matrix report build-test/matrix.json --format html >build-test/matrix.html
  fi
  exit "$code"
fi
