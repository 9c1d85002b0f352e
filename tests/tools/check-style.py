#!/usr/bin/env python3
"""Checks the form of the sources: lines of at most 120 characters, and clang-format.

    tests/tools/check-style.py      exit status 1 if a file is not in this form

The form is that of clang-format 14, as in Debian 12. Other versions format some lines differently, so without that
version only the lines are checked. kbuild/ and tests/fixtures/ are kernel code and have the kernel's style.
"""
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 120
# Quoted output, and what programs write.
LONG_LINES = re.compile(r"docs/recipe\.schema\.json|docs/pictures/|.*package-lock\.json|patches/|kbuild/|"
                        r"tests/fixtures/|\.github/workflows/matrix\.yml|ci/gitlab\.yaml")
CXX = re.compile(r"(patcher|tests(?!/fixtures/))/.*\.([ch]pp|c)$")


def output_of(*argv: str) -> str:
    try:
        return subprocess.run(argv, cwd=TOP, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def main() -> int:
    names = output_of("git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard")
    files = sorted(name for name in names.splitlines() if (TOP / name).is_file())
    if not files:
        print("skipped: this is no git checkout", file=sys.stderr)
        return 0
    wrong = 0
    for name in files:
        if LONG_LINES.match(name):
            continue
        for number, line in enumerate((TOP / name).read_text(errors="replace").splitlines(), 1):
            is_result = name == "docs/matrix.md" and line.startswith("|")  # a table of a run
            if len(line) > LIMIT and not is_result:
                print(f"{name}:{number}: {len(line)} characters, at most {LIMIT}")
                wrong = 1
    if " version 14." in output_of("clang-format", "--version"):
        sources = [name for name in files if CXX.match(name)]
        if subprocess.run(["clang-format", "--dry-run", "-Werror", *sources], cwd=TOP, check=False).returncode != 0:
            print("clang-format would change these files: run clang-format -i on them")
            wrong = 1
    else:
        print("skipped: clang-format 14 is not installed", file=sys.stderr)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
