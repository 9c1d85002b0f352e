#!/usr/bin/env python3
"""Checks JSON that vgpukit prints against docs/schemas.

    vgpukit ... --format json | tests/tools/json_schemas.py build      the name of a schema, or of a command
    tests/tools/json_schemas.py --self-test

tests/integration/run.py checks every document that a case gets. Which command has which schema is in docs/reference.
"""
import json
import pathlib
import re
import sys

import jsonschema

TOP = pathlib.Path(__file__).resolve().parents[2]
# A command with its words, and where its output goes.
COMMAND = re.compile(r"""\bvgpukit((?:[ \t]+(?:"[^"]*"|'[^']*'|[^\s;&|<>'"()]+))+)[ \t]*"""
                     r"""(>+[ \t]*([^\s;&|)'"]+)|\|(?!\|))?""")


def load(name: str) -> dict:
    with open(TOP / "docs/schemas" / f"{name}.json", encoding="utf-8") as file:
        return json.load(file)


def resolved(node, defs: dict):
    """The schema without references, so that every version of jsonschema can use it."""
    if isinstance(node, list):
        return [resolved(each, defs) for each in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref", "")
    if reference.startswith("#/$defs/"):
        return resolved(defs[reference.removeprefix("#/$defs/")], defs)
    if reference:
        other = load(reference.rsplit(":", 1)[1])
        return resolved({key: value for key, value in other.items() if key != "$id"}, other.get("$defs", {}))
    return {key: resolved(value, defs) for key, value in node.items() if key != "$defs"}


class Schemas:
    def __init__(self):
        self.validators = {}
        self.of_command = {}  # "vgpu types" -> "vgpu-types"
        for page in sorted((TOP / "docs/reference").glob("*.md")):
            command = None
            for line in page.read_text(encoding="utf-8").splitlines():
                if heading := re.match(r"#+ vgpukit (.+)", line):
                    command = heading.group(1)
                elif schema := re.match(r"JSON: \[schemas/(.+)\.json\]", line):
                    self.of_command[command] = schema.group(1)

    def problems(self, document, name: str) -> list:
        """What is wrong with a document, one line each."""
        if isinstance(document, dict) and set(document) == {"result", "errors"}:
            name = "error"
        if name not in self.validators:
            schema = load(name)
            jsonschema.Draft202012Validator.check_schema(schema)
            self.validators[name] = jsonschema.Draft202012Validator(resolved(schema, schema.get("$defs", {})))
        found = []
        for error in self.validators[name].iter_errors(document):
            error = jsonschema.exceptions.best_match([error])
            found.append(f"docs/schemas/{name}.json: {error.json_path}: {error.message[:200]}")
        return found

    def command_of(self, words: list) -> str:
        """The longest command in the words that has a schema; empty if there is none."""
        plain = [word for word in words if not word.startswith("-")]
        plain = ["vgpu" if word == "mdev" else word for word in plain]
        for start in range(len(plain)):
            for length in (3, 2, 1):
                path = " ".join(plain[start:start + length])
                if path in self.of_command:
                    return path
        return ""

    def commands_in(self, script: str) -> list:
        """(command, file) of each vgpukit in a shell script that prints JSON and whose output is not piped."""
        found = []
        for match in COMMAND.finditer(script.replace("\\\n", " ")):
            words = match.group(1).split()
            json_words = [words[i + 1] for i in range(len(words) - 1) if words[i] == "--format"]
            if "json" not in json_words and "--format=json" not in words:
                continue
            command = self.command_of(words)
            if command and match.group(2) != "|":
                found.append((command, match.group(3)))
        return found


def documents(text: str) -> list:
    """The JSON documents in a text that has nothing else; empty for other text."""
    found, decoder, at = [], json.JSONDecoder(), 0
    text = text.strip()
    try:
        while at < len(text):
            document, end = decoder.raw_decode(text, at)
            found.append(document)
            at = end + len(text[end:]) - len(text[end:].lstrip())
    except ValueError:
        return []
    return found if all(isinstance(each, dict) for each in found) else []


def self_test() -> None:
    schemas = Schemas()
    good = {"kernel": {"release": "6.1"}, "modules": ["nvidia"], "result": "loads", "verdicts": []}
    assert schemas.problems(good, "verify") == []
    assert schemas.problems({**good, "added": 1}, "verify") == [], "additions are free"
    assert schemas.problems({**good, "modules": "nvidia"}, "verify"), "a wrong type"
    assert schemas.problems({key: good[key] for key in good if key != "result"}, "verify"), "a missing key"
    assert schemas.problems({**good, "result": "perhaps"}, "verify"), "an unknown word"
    assert schemas.problems({"builds": [{"driver": 1}]}, "build"), "inside of an alternative"
    assert schemas.problems({"result": "usage", "errors": [{"file": 1}]}, "verify"), "an error is checked, too"
    script = "cd x; vgpukit --format json vgpu types --card 1 > a.json && vgpukit build x --format json | cat\n" \
             "vgpukit status \\\n --root /x --format json"
    assert schemas.commands_in(script) == [("vgpu types", "a.json"), ("status", None)], schemas.commands_in(script)
    for file in sorted((TOP / "docs/schemas").glob("*.json")):
        schema = load(file.stem)
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$id"] == f"urn:vgpukit:schema:1:{file.stem}", file
        assert file.stem == "error" or file.stem in schemas.of_command.values(), f"{file}: no command has it"
    assert len(documents('{"a": 1}\n{"b": 2}\n')) == 2 and documents("text {}") == []


def main() -> int:
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    schemas = Schemas()
    found = [line for document in documents(sys.stdin.read())
             for line in schemas.problems(document, schemas.of_command.get(sys.argv[1], sys.argv[1]))]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
