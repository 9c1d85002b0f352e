#!/usr/bin/env python3
"""Runs clang-tidy over patcher/ with the checks of .clang-tidy. Every finding is an error.

    tests/tools/check-tidy.py [--all] [FOLDER...]     all folders of patcher/, or these

The checks are those of clang-tidy 14, as in Debian 12; with another version nothing is checked.

A folder is one unit, so that its headers are read once. A folder without findings is not read again until its sources,
the headers of the folders that it uses, or the checks change. --all reads it again. The results are in
VGPUKIT_CI_CACHE/clang-tidy (/var/cache/vgpukit-ci), or for ordinary users in ~/.cache/vgpukit-ci.
"""
import argparse
import concurrent.futures
import hashlib
import importlib.machinery
import json
import os
import pathlib
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
includes = importlib.machinery.SourceFileLoader("includes", str(TOP / "tests/tools/check-includes.py")).load_module()


def cache_folder() -> pathlib.Path:
    own = "/var/cache/vgpukit-ci" if os.geteuid() == 0 else os.path.expanduser("~/.cache/vgpukit-ci")
    return pathlib.Path(os.environ.get("VGPUKIT_CI_CACHE", own)) / "clang-tidy"


def identity(folder: str, used: set[str], version: str) -> str:
    """A hash of everything that decides what clang-tidy finds in the folder."""
    files = [TOP / ".clang-tidy", TOP / "CMakeLists.txt", *(TOP / "patcher" / folder).glob("*")]
    for name in used:
        files += (TOP / "patcher" / name).glob("*.hpp")
    digest = hashlib.sha256(version.encode())
    for file in sorted(path for path in files if path.is_file()):
        digest.update(f"\0{file.relative_to(TOP)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def check(unit: str, build: str) -> str:
    """What clang-tidy finds in the unit: the text, or nothing."""
    done = subprocess.run(["clang-tidy", "-p", build, "--quiet", f"--config-file={TOP}/.clang-tidy", unit],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    return "" if done.returncode == 0 and not done.stdout.strip() else done.stdout + done.stderr


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true", help="also the folders that have not changed")
    parser.add_argument("folders", nargs="*", metavar="FOLDER")
    options = parser.parse_args()
    uses = includes.all_uses(includes.direct_uses())
    for name in options.folders:
        if name not in uses:
            sys.exit(f"patcher/ has no folder {name}: {' '.join(uses)}")
    try:
        version = subprocess.run(["clang-tidy", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    except OSError:
        version = ""
    if " version 14." not in version:
        print("skipped: clang-tidy 14 is not installed", file=sys.stderr)
        return 0
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    stamps = {name: identity(name, uses[name], version) for name in options.folders or uses}
    wanted = [name for name, stamp in stamps.items()
              if options.all or not (cache / name).exists() or (cache / name).read_text() != stamp]
    wrong = 0
    with tempfile.TemporaryDirectory() as build, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        if wanted:
            subprocess.run(["cmake", "-S", TOP, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                            "-DVGPUKIT_TESTS=OFF", "-DCMAKE_UNITY_BUILD=ON", "-DCMAKE_UNITY_BUILD_BATCH_SIZE=0",
                            "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"], check=True, stdout=subprocess.DEVNULL)
        units = {}
        for entry in json.loads(pathlib.Path(build, "compile_commands.json").read_text()) if wanted else []:
            target = pathlib.Path(entry["file"]).parts[-3]  # vgpukit_FOLDER.dir/Unity/unity_0_cxx.cxx
            units[target.removeprefix("vgpukit_").removesuffix(".dir")] = entry["file"]
        for name, said in zip(wanted, pool.map(lambda name: check(units[name], build), wanted)):
            if said:
                print(f"patcher/{name}:\n{said}", flush=True)
                wrong = 1
            else:
                (cache / name).write_text(stamps[name])
    print(f"clang-tidy: {len(wanted)} of {len(stamps)} folders read, {'with' if wrong else 'no'} findings",
          file=sys.stderr)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
