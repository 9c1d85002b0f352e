#!/usr/bin/env python3
"""Checks the documents: links, pages that nothing links to, commands, and translations.

    tests/tools/check-documents.py      exit status 1 with findings

- A link to a file, and to a heading in it, has a target. Names of documents in messages and sources exist.
- Every page of docs/ can be reached from README.md by links.
- A `vgpukit` line of a code block is a command that docs/reference has, with options that it has, and a test runs
  that command with each of these options.
- A translation has the code blocks, links and `words` of the English page that its first line names.
- Every guide is run by an integration case, or says why it is not.
"""
import pathlib
import re
import shlex
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)|<img [^>]*src=\"([^\"]+)\"")
FENCE = re.compile(r"^```.*?^```", re.S | re.M)
TRANSLATION = re.compile(r"<!-- (?:translation of|译自) ([^\s,]+)")
findings = []


def find(place, text):
    findings.append(f"{place}: {text}")


def name(path):
    return str(path.relative_to(TOP))


def pages():
    files = list(TOP.glob("*.md")) + list(TOP.glob("docs/**/*.md")) + list(TOP.glob("tests/**/*.md"))
    return sorted(file for file in files if "node_modules" not in file.parts)


def code_blocks(text):
    """The lines of fenced and indented code blocks."""
    lines, fenced, before = [], False, ""
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or (line.startswith("    ") and not re.match(r"\s*([-*]|\d+\.) ", line)):
            lines.append(line.strip())
        before = line
    return lines


def headings(text):
    """The anchors that GitHub gives to the headings."""
    found = set()
    for line in FENCE.sub("", text).splitlines():
        if match := re.match(r"#+ (.+)", line):
            title = re.sub(r"[`*\[\]]|\([^)]*\.md[^)]*\)", "", match.group(1)).strip().lower()
            found.add(re.sub(r"[^\w\- ]", "", title).replace(" ", "-"))
    return found


def check_links(texts):
    links = {}
    for page, text in texts.items():
        plain = re.sub(r"^ {4}.*$", "", FENCE.sub("", text), flags=re.M)
        plain = re.sub(r"`[^`\n]*`", "", plain)
        targets = LINK.findall(plain) + [a or b for a, b in PICTURE.findall(plain)]
        links[page] = set()
        for target in targets:
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            if not file.exists():
                find(name(page), f"the link to {target} has no target")
                continue
            if anchor and file.suffix == ".md" and anchor not in headings(file.read_text(encoding="utf-8")):
                find(name(page), f"{target}: there is no such heading")
            links[page].add(file / "README.md" if file.is_dir() else file)
    reached, todo = set(), [TOP / "README.md"]
    while todo:
        page = todo.pop()
        if page not in reached:
            reached.add(page)
            todo += [target for target in links.get(page, ()) if target.suffix == ".md"]
    for page in texts:
        if name(page).startswith("docs/") and page not in reached:
            find(name(page), "no chain of links leads here from README.md")


def check_names():
    """Documents that messages, sources and pages name."""
    roots = ("patcher", "packaging", "recipes", "ci", "kbuild", "tests", "docs")
    files = [file for root in roots for file in (TOP / root).rglob("*") if file.is_file()] + list(TOP.glob("*.md"))
    for file in files:
        if "node_modules" in file.parts or file.suffix in (".png", ".svg", ".json", ".run"):
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            for match in re.findall(r"(?<![\w/])docs/[\w./-]+\.(?:md|json|svg|png)", line):
                if "NAME" not in match and not (TOP / match).exists() and name(file) != "CHANGELOG.md":
                    find(f"{name(file)}:{number}", f"there is no {match}")


def reference():
    """{command: options}, and the options of all commands."""
    commands = {}
    for page in (TOP / "docs/reference").glob("*.md"):
        command = ""
        for line in page.read_text(encoding="utf-8").splitlines():
            if heading := re.match(r"#+ vgpukit (.+)", line):
                command = heading.group(1)
                commands.setdefault(command, set())
            if page.name == "README.md":
                command = ""
            if line.startswith("- `-"):
                words = line.split("`")[1]
                commands.setdefault(command, set()).update(re.findall(r"(?<![\w-])--?[a-z][\w-]*", words))
    return commands


def commands_of(line):
    """The words of each vgpukit in a shell line."""
    # What follows a comment sign or two blanks explains the command.
    line = re.sub(r"(?:^|\s)#.*$|(?<=\S)\s{2,}\S.*$", "", line.removeprefix("$ "))
    for part in re.split(r"&&|\|\|?|;|\$\(", line):
        words = part.strip().split()
        while words and (words[0] in ("sudo", "then", "do", "!", "time") or re.match(r"\w+=", words[0])):
            words.pop(0)
        if words and words[0] in ("vgpukit", "build/vgpukit"):
            try:
                yield shlex.split(part)[len(part.split()) - len(words):] if "'" not in part else words
            except ValueError:
                yield words


def path_of(words, known):
    """The command in the words after `vgpukit`, and those from the command on."""
    rest = words
    while rest and rest[0].startswith("-"):  # options of all commands stand before the command
        rest = rest[1:] if rest[0] in ("-v", "-q", "--no-shipped-recipes") else rest[2:]
    path = rest[:3]
    while path and " ".join(path) not in known:
        path.pop()
    return " ".join(path), rest


def options_in(words):
    return [option for word in words for option in re.findall(r"(?<![\w'-])--[a-z][\w-]*", word)]


def tested(known):
    """{command: options} of the integration cases, tests/vm, ci/, and of what a case takes out of the documents."""
    lines = code_blocks((TOP / "docs/vgpus.md").read_text(encoding="utf-8").split("\n# Reference")[0])
    for source in [*TOP.glob("tests/integration/cases/*.test"), *TOP.glob("tests/vm/**/*.*"), *TOP.glob("ci/*.sh")]:
        if source.is_file():
            lines += source.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ").splitlines()
    for guide in TOP.glob("docs/guides/*.md"):
        for kind, body in re.findall(r"^```sh(.*?)\n(.*?)^```$", guide.read_text(encoding="utf-8"), re.S | re.M):
            lines += [] if kind.strip() == "real" else body.replace("\\\n", " ").splitlines()
    commands = {}
    for line in lines:
        for call in re.findall(r"\bvgpukit[\"']?,? ((?:[^&|;`])*)", line):
            command, rest = path_of(re.sub(r"[\"',]", " ", call).split(), known)
            commands.setdefault(command, set()).update(options_in(rest))
    return commands


def check_commands(texts):
    known = reference()
    runs = tested(known)
    everywhere = known.get("", set()) | {"--help", "-h", "--version"}
    hidden = {"shell", "dkms-build", "dkms-prebuild", "dkms-sign", "COMMAND", "--help", "--version"}
    for page, text in texts.items():
        if name(page) in ("CHANGELOG.md",) or name(page).startswith("docs/reference/"):
            continue
        block = "\n".join(code_blocks(text)).replace("\\\n", " ")
        for line in block.splitlines():
            for words in commands_of(line):
                plain = [word for word in words[1:] if not word.startswith(("-", "["))]
                if not words[1:] or words[1] in hidden or (plain and plain[0] in hidden):
                    continue
                command, rest = path_of(words[1:], known)
                choices = rest[0].split("|") if rest else []
                if not command:
                    if not choices or not all(each in known for each in choices):
                        find(name(page), f"there is no command in: {' '.join(words)}")
                    continue
                below = [each for each in known if each.startswith(command + " ")]
                options = known[command].union(*(known[each] for each in below)) if below else known[command]
                if command not in runs:
                    find(name(page), f"no test runs this command: {' '.join(words)}")
                    continue
                for option in options_in(rest):
                    if option not in options | everywhere:
                        find(name(page), f"vgpukit {command} has no option {option}: {' '.join(words)}")
                    elif option not in runs[command] | everywhere:
                        find(name(page), f"no test runs vgpukit {command} with {option}: {' '.join(words)}")


def check_translations(texts):
    for page, text in texts.items():
        match = TRANSLATION.match(text)
        if not match:
            if ".zh-CN." in page.name:
                find(name(page), "the first line does not name the English page: <!-- 译自 FILE, DATE -->")
            continue
        original = TOP / match.group(1)
        if not original.exists():
            find(name(page), f"there is no {match.group(1)}")
            continue
        source = original.read_text(encoding="utf-8")

        def parts(each):
            plain = re.sub(r"^ {4}.*$", "", FENCE.sub("", each), flags=re.M)
            links = [re.sub(r"\.zh-CN(?=\.md)", "", link) for link in LINK.findall(plain)]
            blocks = [re.sub(r"(?:^|\s+)#.*$", "", line) for line in code_blocks(each)]
            return {"command": [line for line in blocks if line],
                    "word": sorted(set(re.findall(r"`([^`]+)`", re.sub(r"\s+", " ", plain)))),
                    "link": sorted({link for link in links if not link.startswith("#")} - {"README.md"})}

        ours, theirs = parts(text), parts(source)
        for kind, items in theirs.items():
            for item in items:
                if item not in ours[kind]:
                    find(name(page), f"the {kind} of {match.group(1)} is missing: {item}")
            for item in ours[kind]:
                if item not in items:
                    find(name(page), f"this {kind} is not in {match.group(1)}: {item}")


def check_guides(texts):
    cases = TOP / "tests/integration/cases/90-guides.test"
    run = cases.read_text(encoding="utf-8") if cases.exists() else ""
    for page in texts:
        if page.parent == TOP / "docs/guides" and page.name != "README.md" and ".zh-CN." not in page.name:
            if not re.search(rf"\b{page.stem}\b", run):
                find(name(page), "no case of tests/integration/cases/90-guides.test runs it")


def main():
    texts = {page: page.read_text(encoding="utf-8") for page in pages()}
    check_links(texts)
    check_names()
    check_commands(texts)
    check_translations(texts)
    check_guides(texts)
    print("\n".join(findings), end="\n" if findings else "")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
