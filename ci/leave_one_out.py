#!/usr/bin/env python3
"""Measures `vgpukit adapt`: leaves each recipe out that a driver needs on a kernel, and lets vgpukit find it again.

  sudo ci/leave_one_out.py [--vgpukit PROGRAM] [--cell DRIVER:ROOT:SERIES]... [--table-of FOLDER] [--keep FOLDER]
                           [--repository CLONE]

Writes its section of docs/matrix.md. A cell is a driver of ci/drivers.sh or `reference`, a builder root and a kernel's
series in it. --keep keeps each cell's JSON, --table-of makes the table of such a folder and measures nothing. A "note"
that somebody adds to the JSON of a cell is in the page. The headers of all builder roots are evidence. A clone of the
kernel's repository is evidence only with --repository: a CI machine has none, and the figures are to be the same there.
"""
import argparse, collections, glob, json, os, pathlib, statistics, subprocess, sys, tempfile, textwrap

top = pathlib.Path(__file__).resolve().parent.parent
cache = pathlib.Path(os.environ.get("VGPUKIT_CI_CACHE", "/var/cache/vgpukit-ci"))
reference = "535.0.1"  # the version of the reference driver
heading = "## Recipes left out, and what adapt finds\n"
# Some modules only, to save time.
modules_of = {"470-bullseye": ["nvidia"], "535-bookworm": ["nvidia", "nvidia-modeset", "nvidia-drm"]}
aside_kinds = ["link or load", "conftest and makefiles"]  # not about the code that is compiled
default_cells = ["reference:bookworm:6.12", "reference:trixie:7.3", "470-bullseye:trixie:7.3",
                 "535-bookworm:trixie:7.3"]


def measure(vgpukit, cell, folder, repository):
    driver, root, series = cell.split(":")
    modules = cache / "roots" / root / "lib/modules"
    release = next((each.name for each in sorted(modules.iterdir()) if each.name.startswith(series + ".")), None)
    if not release:
        sys.exit(f"{root} has no kernel {series}: run ci/roots.sh {root}")
    files = glob.glob(str(cache / "drivers" / driver / "usr/src/*.tar.*"))
    source = driver if driver == "reference" else next(iter(files), None)
    if not source:
        sys.exit(f"there is no driver {driver}: run ci/drivers.sh {driver}")
    command = [vgpukit, "adapt", source, "--leave-one-out", "--root", str(cache / "roots" / root), "--kernel", release,
               "--accept", "gpl-export", "--format", "json"]
    for other in ("bullseye", "bookworm", "trixie"):
        if other != root:
            command += ["--headers-of", str(cache / "roots" / other)]
    if repository:
        command += ["--repository", repository]
    if driver in modules_of:
        command += ["--modules", ",".join(modules_of[driver])]
    result = subprocess.run(command, stdout=subprocess.PIPE, env={**os.environ, "VGPUKIT_DATA": str(top)})
    if result.returncode != 0:
        sys.exit(f"{cell}: vgpukit adapt ended with {result.returncode}")
    (folder / (cell.replace(":", "_") + ".json")).write_bytes(result.stdout)


def wrapped(text):
    return textwrap.fill(" ".join(text.split()), 118, break_long_words=False, break_on_hyphens=False) + "\n"


def table(folder):
    kinds = collections.defaultdict(collections.Counter)
    cells, rows, seconds, compiled = [], [], [], []
    for file in sorted(folder.glob("*.json")):
        document = json.loads(file.read_text())
        notes = [", ".join(modules_of.get(file.stem.split("_")[0], [])), document.get("note", "")]
        notes = "; ".join(note for note in notes if note)
        cells.append(f"{document['driver']} on {document['kernel']}" + (f" ({notes})" if notes else ""))
        for each in document["recipes"]:
            kinds[each["kind"]][each["outcome"]] += 1
            if each["outcome"] in ("same", "different", "none"):
                seconds.append(each["seconds"])
                changes = "; ".join(p["change"] for p in each["proposals"]) if each["outcome"] != "none" else ""
                rows.append((each["recipe"], document["kernel"].split("-")[0], document["driver"], each["outcome"],
                             changes.replace("|", "\\|"), each["seconds"]))
                if each["kind"] not in aside_kinds:
                    compiled.append(rows[-1])
    measured = {k: c for k, c in kinds.items() if any(c[o] for o in ("same", "different", "none"))}
    total = sum((c for k, c in measured.items() if k not in aside_kinds), collections.Counter())
    found = total["same"] + total["different"]
    count = found + total["none"]
    aside = sum((c for c in kinds.values()), collections.Counter())
    text = heading + "\n" + wrapped(f"""
`ci/leave_one_out.py` writes this section. Each recipe that a cell needs is taken away, and `vgpukit adapt` looks for
it: same (the preprocessed C is that of the recipe), different (it builds and is verified, with other C), none. A recipe
counts once for each cell: {', '.join(cells)}. Nothing ran on a card, so that nobody knows whether a different one is
right.""") + """
| kind of change | recipes | same | different | none |
|---|---|---|---|---|
"""
    for kind, counts in sorted(measured.items(), key=lambda one: -sum(one[1].values())):
        n = counts["same"] + counts["different"] + counts["none"]
        text += f"| {kind} | {n} | {counts['same'] or ''} | {counts['different'] or ''} | {counts['none'] or ''} |\n"
    text += f"| **compile errors** | {count} | {total['same']} | {total['different']} | {total['none']} |\n\n"
    facts = []
    if count:
        facts.append(f"Of the {count} recipes about compile errors {found} are found again "
                     f"({100 * found // count} %), {total['same']} of these with the same result"
                     + (f" ({100 * total['same'] // found} %)." if found else "."))
        for name, of_reference in (("the reference driver", True), ("NVIDIA's drivers", False)):
            some = [row for row in compiled if (row[2] == reference) == of_reference]
            good = [row for row in some if row[3] != "none"]
            if some:
                facts.append(f"Of {name} {len(good)} of {len(some)}.")
        facts.append(f"The search took {statistics.median(seconds):.0f} s in the median and {max(seconds):.0f} s at "
                     "most, on a machine with two processors and other work.")
    facts.append(f"Not counted: {aside['not seen']} recipes without which the driver builds, and those of the kinds "
                 f"{' and '.join(repr(kind) for kind in aside_kinds)}.")
    text += wrapped(" ".join(facts)) + ("\n"
             "| recipe | kernel | driver | found | seconds | with |\n"
             "|---|---|---|---|---|---|\n")
    for recipe, kernel, driver, outcome, changes, took in rows:
        text += f"| {recipe} | {kernel} | {driver} | {outcome} | {took:.0f} | {changes} |\n"
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vgpukit", default=str(top / "build/vgpukit"))
    parser.add_argument("--cell", action="append")
    parser.add_argument("--keep")
    parser.add_argument("--table-of")
    parser.add_argument("--repository")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(options.table_of or options.keep or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if not options.table_of:
            for cell in options.cell or default_cells:
                measure(options.vgpukit, cell, folder, options.repository)
        page = top / "docs/matrix.md"
        text = page.read_text()
        begin = text.find(heading)
        end = text.find("\n## ", begin + 1) + 1 if begin >= 0 else 0
        new = table(folder)
        if begin < 0:
            text = text.rstrip("\n") + "\n\n" + new
        else:
            text = text[:begin] + new + ("\n" + text[end:] if end else "")
        page.write_text(text)


if __name__ == "__main__":
    main()
