#!/usr/bin/env python3
"""Reads what a terminal showed (stdin, with colours) and writes it as an SVG picture.

Lines that begin with "$ " are what the user typed. Of a longer list of recipes the first and the last stay, of warnings
none; the picture says how many are left out.
"""
import html
import re
import sys

COLUMNS, LINE, WIDTH, MARGIN = 110, 19, 8.43, 16
COLOURS = {"1": "#ffffff", "31": "#ff7b72", "32": "#7ee787", "33": "#e3b341", "2": "#8b949e"}


def shortened(lines):
    """Without the middle of the list of recipes."""
    starts = [i for i, line in enumerate(lines) if re.match(r"\s*(\x1b\[\d+m)?\s*applies", line)]
    if len(starts) < 5:
        return lines
    left_out = len(starts) - 3
    return lines[:starts[2]] + ["", f"  \x1b[2m... {left_out} more recipes, each with its reason ...\x1b[0m", ""] + \
        lines[starts[-1]:]


def without_warnings(lines):
    warning = r"^(?:\x1b\[\d+m)?warning:.*\n(?:    .*\n)*"
    text = "\n".join(lines)
    note = f"  \x1b[2m... {len(re.findall(warning, text, re.M))} warnings, each with what to do ...\x1b[0m\n"
    return re.sub(f"(?:{warning})+", note, text, flags=re.M).split("\n")


def spans(line):
    """(colour, text) of a line with escape sequences."""
    colour = "#c9d1d9"
    for part in re.split(r"(\x1b\[[\d;]*m)", line):
        code = re.fullmatch(r"\x1b\[([\d;]*)m", part)
        if code:
            colour = COLOURS.get(code.group(1).split(";")[-1], "#c9d1d9")
        elif part:
            yield colour, part


def cut(line):
    """At most COLUMNS characters, escape sequences not counted."""
    if len(re.sub(r"\x1b\[[\d;]*m", "", line)) <= COLUMNS:
        return line
    text, left = "", COLUMNS - 3
    for part in re.split(r"(\x1b\[[\d;]*m)", line):
        if not part.startswith("\x1b"):
            part, left = part[:left], left - len(part[:left])
        text += part
    return text + "..."


def main():
    lines = [cut(line) for line in without_warnings(shortened(sys.stdin.read().replace("\r", "").split("\n")))]
    while lines and not lines[-1]:
        lines.pop()
    width = int(COLUMNS * WIDTH + 2 * MARGIN)
    height = len(lines) * LINE + 2 * MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
           f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>',
           '<g font-family="ui-monospace, DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">']
    for number, line in enumerate(lines):
        y = MARGIN + 14 + number * LINE
        parts = [("#79c0ff", "$ "), ("#ffffff", line[2:])] if line.startswith("$ ") else list(spans(line))
        text = "".join(f'<tspan fill="{colour}">{html.escape(part)}</tspan>' for colour, part in parts)
        if text:
            out.append(f'<text x="{MARGIN}" y="{y}" xml:space="preserve">{text}</text>')
    print("\n".join(out + ["</g>", "</svg>"]))


if __name__ == "__main__":
    main()
