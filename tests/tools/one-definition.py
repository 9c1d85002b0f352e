#!/usr/bin/env python3
"""Prints names that two headers or sources define at the same namespace: the linker takes one of them without a word."""
import collections, glob, os, re, sys

top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
places = collections.defaultdict(set)
for file in sorted(glob.glob(f"{top}/patcher/**/*.[hc]pp", recursive=True)):
    spaces = []
    for line in open(file, encoding="utf-8"):
        opened = re.match(r"namespace(?: ([\w:]+))? ?\{$", line.rstrip())
        if opened:
            spaces.append(opened.group(1) or "")
        elif re.match(r"\}  // namespace", line) and spaces:
            spaces.pop()
        else:
            named = re.match(r"(?:class|struct|union|enum class) (\w+)(?: final)?(?: :[^;{]*)? \{", line)
            if named and "" not in spaces:
                places["::".join(spaces + [named.group(1)])].add(os.path.relpath(file, top))
twice = {name: files for name, files in places.items() if len(files) > 1}
for name, files in sorted(twice.items()):
    print(f"{name} is defined in {' and in '.join(sorted(files))}")
sys.exit(1 if twice or len(places) < 100 else 0)
