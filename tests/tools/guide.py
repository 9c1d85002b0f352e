#!/usr/bin/env python3
"""Prints the commands of a guide as a bash script, so that a test can run them.

    tests/tools/guide.py docs/guides/NAME.md [KIND...]

A block that begins with ```sh has the kind "sh", one with ```sh vgpu the kind "vgpu", and so on: the case says where
each kind runs. Blocks of the kind "real" change a real host, and no test runs them. Without KIND all others are
printed. A block that begins with ```yaml FILE is written to FILE. `sudo` only runs its command.
"""
import pathlib
import re
import sys


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    kinds = sys.argv[2:]
    script = ["set -euxo pipefail", 'sudo() { "$@"; }']
    text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
    for info, body in re.findall(r"^```(\S.*?)\n(.*?)^```$", text, re.S | re.M):
        language, _, rest = info.partition(" ")
        if language == "yaml" and rest:
            script.append(f"mkdir -p $(dirname {rest}); cat >{rest} <<'END-OF-FILE'\n{body}END-OF-FILE")
        kind = rest or "sh"
        if language == "sh" and (kind in kinds if kinds else kind != "real"):
            script.append(body.rstrip())
    print("\n".join(script))


if __name__ == "__main__":
    main()
