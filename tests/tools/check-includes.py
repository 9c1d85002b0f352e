#!/usr/bin/env python3
"""Checks that the folders of patcher/ include each other in one direction only.

The rule is in CMakeLists.txt: vgpukit_library(FOLDER USES ...) names the folders below FOLDER. A file may include
headers of its own folder, of those, and of the folders that these use in turn. docs/architecture.md must list the same.
Unity builds hide a missing include: a name of another folder's namespace needs a header of that folder.

    tests/tools/check-includes.py           check; exit status 1 when an include or the document is wrong
    tests/tools/check-includes.py --draw    print the list for docs/architecture.md
"""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
CMAKE = TOP / "CMakeLists.txt"
DOCUMENT = TOP / "docs" / "architecture.md"


def direct_uses() -> dict[str, list[str]]:
    """The folders that each folder names after USES, in the order of CMakeLists.txt."""
    uses = {}
    for words in re.findall(r"^vgpukit_library\((\w+)([^)]*)\)", CMAKE.read_text(), re.M):
        named = re.search(r"USES([\w\s]*?)(?:PRIVATE|$)", words[1])
        uses[words[0]] = named.group(1).split() if named else []
    return uses


def all_uses(uses: dict[str, list[str]]) -> dict[str, set[str]]:
    """The folders that each folder may include. A folder is listed after those that it uses, so there are no cycles."""
    found: dict[str, set[str]] = {}
    for folder, below in uses.items():
        for name in below:
            if name not in found:
                sys.exit(f"CMakeLists.txt: {folder} uses {name}, which is not listed above it")
        found[folder] = set(below).union(*(found[name] for name in below))
    return found


def included(file: pathlib.Path, known: dict[pathlib.Path, set[str]]) -> set[str]:
    """The headers of patcher/ that a file includes, also through others: "kernel/facts.hpp"."""
    if file not in known:
        known[file] = set()
        direct = re.findall(r'^#include "(\w+/[\w.]+)"', file.read_text(), re.M)
        known[file] = set(direct).union(*(included(TOP / "patcher" / name, known) for name in direct
                                          if (TOP / "patcher" / name).exists()))
    return known[file]


def drawing(uses: dict[str, list[str]]) -> str:
    return "\n".join(f"    {folder:<12} -> {' '.join(below) or '(nothing)'}" for folder, below in uses.items())


def main() -> int:
    uses = direct_uses()
    if sys.argv[1:] == ["--draw"]:
        print(drawing(uses))
        return 0
    allowed = all_uses(uses)
    wrong = []
    known: dict[pathlib.Path, set[str]] = {}
    for file in sorted((TOP / "patcher").glob("*/*.[ch]pp")):
        folder = file.parent.name
        if folder not in allowed:
            wrong.append(f"{file.relative_to(TOP)}: CMakeLists.txt has no vgpukit_library({folder} ...)")
            continue
        for number, line in enumerate(file.read_text().splitlines(), 1):
            header = re.match(r'#include "(\w+)/[\w.]+"', line)
            if header and header.group(1) != folder and header.group(1) not in allowed[folder]:
                wrong.append(
                    f"{file.relative_to(TOP)}:{number}: includes patcher/{line.split(chr(34))[1]}, but {folder} uses "
                    f"only {', '.join(sorted(allowed[folder])) or 'nothing'} (CMakeLists.txt, docs/architecture.md)"
                )
        there = {name.split("/")[0] for name in included(file, known)} | {folder}
        code = re.sub(r'"(\\.|[^"\\])*"|//.*', "", file.read_text())
        for name in sorted(set(re.findall(r"(?<![:\w])(\w+)::\w", code)) & set(allowed) - there):
            wrong.append(f"{file.relative_to(TOP)}: uses {name}:: and includes no header of {name}/")
    if drawing(uses) not in DOCUMENT.read_text():
        wrong.append("docs/architecture.md does not list the folders as CMakeLists.txt does: "
                     "put in what tests/tools/check-includes.py --draw prints")
    print("\n".join(wrong) if wrong else f"{len(allowed)} folders: every include points to a folder below")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
