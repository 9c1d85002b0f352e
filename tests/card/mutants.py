#!/usr/bin/env python3
"""Changes recipes a little, and shows which step sees it: a wrong constant, swapped arguments, a call left out.

    tests/card/mutants.py --vgpukit BINARY [--only TEXT] [--each N] [--tree DIR] DRIVER RELEASE ROOT

ROOT: a builder root of ci/roots.sh with the headers of RELEASE. DRIVER: as for `vgpukit build`; with all its binary
objects. Only recipes that this driver needs on this kernel are changed; --only selects those with the text in their
name, --each takes at most N mutants of a recipe, --tree keeps the compiled driver for a next run (a folder in ROOT).

For each mutant only the C files concerned are compiled again: those that a recipe changes, and for a changed function
of a header those that name it. Then `vgpukit verify`, and tests/card/works.py. The step that fails has killed the
mutant: recipe (a transform or `ensures`), compile, verify, load, exercise. A mutant of a function that no C file of
the driver uses is "unused". What nothing kills has "survived". Prints a table in Markdown.
"""
import argparse, difflib, json, os, re, shutil, subprocess, sys, tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [f"{TOP}/tests/vm", HERE]
import yaml
import run as vm

# The keys of transforms (docs/recipes.md) with text that goes into the driver.
REPLACEMENTS = ("with", "to", "arguments", "body", "insert-after", "insert-before")
NO_CALLS = ("if", "while", "for", "switch", "return", "sizeof", "offsetof", "defined", "_Generic")


def call_at(text, begin):
    """The end of the call whose "(" is at `begin`, and its arguments; or None."""
    depth, start, arguments = 0, begin + 1, []
    for at in range(begin, len(text)):
        if text[at] in "([{":
            depth += 1
        elif text[at] in ")]}":
            depth -= 1
        if depth == 0 or depth == 1 and text[at] == ",":
            arguments.append(text[start:at].strip())
            start = at + 1
        if depth == 0:
            return at + 1, arguments
    return None


def mutants(text):
    """Pairs of a name and a changed text."""
    for found in re.finditer(r"(?<![\w$.])(\d+)(?![\w.])", text):
        changed = str(int(found[1]) + 1)
        yield f"{found[1]} -> {changed}", text[:found.start()] + changed + text[found.end():]
    for found in re.finditer(r"\b([A-Za-z_]\w*)\(", text):
        call = call_at(text, found.end() - 1)
        if found[1] in NO_CALLS or not call:
            continue
        end, arguments = call
        if len(arguments) > 1:
            for first in range(len(arguments) - 1):
                swapped = arguments[:]
                swapped[first:first + 2] = reversed(swapped[first:first + 2])
                yield (f"{found[1]}(): arguments {first + 1} and {first + 2} swapped",
                       text[:found.end()] + ", ".join(swapped) + ")" + text[end:])
        statement = text[end:].lstrip().startswith(";") and re.search(r"(^|[;{}])\s*$", text[:found.start()])
        yield f"{found[1]}() left out", text[:found.start()] + ("" if statement else "0") + text[end:]
    # The arguments of a renamed call have no name in front.
    if re.fullmatch(r"\$\d(, .*)?", text):
        _, arguments = call_at(f"({text})", 0)
        for first in range(len(arguments) - 1):
            swapped = arguments[:]
            swapped[first:first + 2] = reversed(swapped[first:first + 2])
            yield f"arguments {first + 1} and {first + 2} swapped", ", ".join(swapped)


def places(node, path=()):
    """The path of each text that goes into the driver."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if key in REPLACEMENTS and isinstance(value, str):
            yield (*path, key), value
        else:
            yield from places(value, (*path, key))


def mutated(recipe):
    """Pairs of a name and a changed recipe."""
    for path, text in places(recipe["transforms"]):
        for name, changed in mutants(text):
            copy = json.loads(json.dumps(recipe))
            node = copy["transforms"]
            for key in path[:-1]:
                node = node[key]
            node[path[-1]] = changed
            yield name, copy


class Bench:
    """The compiled driver, in which one mutant at a time is tried."""

    def __init__(self, options, work):
        self.options, self.work, self.root = options, work, os.path.realpath(options.root)
        self.tree = options.tree or f"{self.root}/var/tmp/vgpukit-mutants-{os.getpid()}"
        self.data = f"{work}/data"
        os.makedirs(self.data)
        for name in ("kbuild", "packaging", "patches"):
            os.symlink(f"{TOP}/{name}", f"{self.data}/{name}")
        shutil.copytree(f"{TOP}/recipes", f"{self.data}/recipes")

    def vgpukit(self, *argv):
        env = dict(os.environ, VGPUKIT_DATA=self.data, VGPUKIT_STATE=f"{self.work}/state",
                   VGPUKIT_CACHE=f"{self.work}/cache")
        return subprocess.run([self.options.vgpukit, "--root", self.root, *argv], env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)

    def patch(self, to):
        return self.vgpukit("-q", "patch", self.options.driver, "--kernel", self.options.release, "--output", to,
                            "--format", "json")

    def make(self):
        """`make modules` in the tree: its status and output. Debug information, half of the time, is left out."""
        return subprocess.run(
            [*vm.OWN_MOUNTS, "sh", "-ec", 'mount -t proc proc "$1/proc"; exec chroot "$@"', "sh", self.root,
             "make", "-s", f"-j{os.cpu_count()}", "-C", self.tree[len(self.root):],
             f"KERNEL_UNAME={self.options.release}", "CONFIG_DEBUG_INFO=", "CONFIG_DEBUG_INFO_BTF_MODULES=",
             "NV_EXCLUDE_KERNEL_MODULES=nvidia-peermem", "modules"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def applied(self):
        """The names of the recipes that the driver needs. Makes the tree, and compiles it."""
        if not os.path.exists(f"{self.tree}/Kbuild"):
            done = self.patch(self.tree)
            if done.returncode != 0:
                sys.exit(done.stdout)
        done = self.make()
        if done.returncode != 0:
            sys.exit(f"{self.tree} does not compile:\n{done.stdout[-4000:]}")
        log = vm.run(["git", "-C", self.tree, "log", "--format=%s"]).splitlines()
        return sorted(line.split(":")[0] for line in log if os.path.exists(f"{TOP}/recipes/{line.split(':')[0]}.yaml"))

    def users(self, name, before, after):
        """The C files that are compiled after `name` changed: itself, or those that name its changed functions."""
        if name.endswith(".c"):
            return {name}
        changed, lines = set(), after.splitlines()
        for tag, _, _, begin, end in difflib.SequenceMatcher(a=before.splitlines(), b=lines).get_opcodes():
            if tag == "equal":
                continue
            # The function is the last line before that begins in the first column and has a name and "(".
            for at in range(max(begin, end - 1), -1, -1):
                found = re.match(r"(?:static |[A-Za-z_]).*?\b([A-Za-z_]\w*)\(|# *define +(\w+)", lines[at])
                if found:
                    changed.add(found[1] or found[2])
                    break
        words = re.compile("|".join(rf"\b{word}\b" for word in changed) or "$^")
        users = set()
        for top, _, files in os.walk(self.tree):
            for file in files:
                path = os.path.relpath(f"{top}/{file}", self.tree)
                if file.endswith(".c") and ".mod." not in file:
                    with open(f"{self.tree}/{path}", errors="replace") as text:
                        if words.search(text.read()):
                            users.add(path)
        return users

    def compiled(self, other):
        """Compiles with the files of the folder `other`. Returns make's problem, "unused", or ""."""
        kept, users = {}, set()
        names = vm.run(["git", "-C", self.tree, "ls-files"]).splitlines()
        try:
            for name in names:
                with open(f"{self.tree}/{name}", "rb") as mine, open(f"{other}/{name}", "rb") as theirs:
                    before, after = mine.read(), theirs.read()
                if before == after:
                    continue
                if not name.endswith((".c", ".h")):
                    return f"not tried: it changes {name}, so all files would have to be compiled again"
                kept[name] = (before, os.stat(f"{self.tree}/{name}"))
                users |= self.users(name, before.decode(errors="replace"), after.decode(errors="replace"))
                with open(f"{self.tree}/{name}", "wb") as file:
                    file.write(after)
                # make shall compile the users, and not all that include a header.
                os.utime(f"{self.tree}/{name}", ns=(kept[name][1].st_atime_ns, kept[name][1].st_mtime_ns))
            for user in users:
                os.utime(f"{self.tree}/{user}")
            if not users:
                return "unused" if kept else "not tried: the driver has another alternative of the recipe"
            done = self.make()
            if done.returncode != 0:
                lines = [line for line in done.stdout.splitlines() if re.search(r"\berror: |\bERROR: ", line)]
                return "compile: " + (lines or ["make failed"])[0]
            return ""
        finally:
            for name, (content, times) in kept.items():
                with open(f"{self.tree}/{name}", "wb") as file:
                    file.write(content)
                os.utime(f"{self.tree}/{name}", ns=(times.st_atime_ns, times.st_mtime_ns))
            for user in users:
                os.utime(f"{self.tree}/{user}")

    def verdict(self, recipe):
        """What kills this recipe, and why."""
        path = f"{self.data}/recipes/{recipe['id']}.yaml"
        other = f"{self.work}/other"
        shutil.rmtree(other, ignore_errors=True)
        try:
            with open(path, "w") as file:
                json.dump(recipe, file)
            done = self.patch(other)
        finally:
            shutil.copy(f"{TOP}/recipes/{recipe['id']}.yaml", path)
        if done.returncode != 0:
            recipes = json.loads(done.stdout).get("recipes", [])
            return "recipe: " + next((each["reason"] for each in recipes if each["state"] == "cannot"), "patch failed")
        problem = self.compiled(other)
        if problem:
            return problem
        modules = f"{self.work}/modules"
        shutil.rmtree(modules, ignore_errors=True)
        for name in os.listdir(self.tree):
            if name.endswith(".ko"):
                vm.put(modules, name, f"{self.tree}/{name}")
        paths = [f"{modules}/{name}" for name in sorted(os.listdir(modules))]
        done = self.vgpukit("-q", "verify", "--kernel", self.options.release, *paths)
        if done.returncode != 0:
            return "verify: " + (done.stdout.strip().splitlines() or ["?"])[0]
        done = subprocess.run([f"{HERE}/works.py", modules, self.options.release, self.root], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode == 0:
            return "survived"
        said = done.stdout.strip().splitlines()[-1]
        if done.returncode == 3:
            sys.exit(f"works.py cannot run here: {said}")
        passed = "ok /proc/driver/nvidia/gpus has the card" in done.stdout and "not ok load " not in done.stdout
        return f"{'exercise' if passed else 'load'}: {said}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vgpukit", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--each", type=int, default=1000)
    parser.add_argument("--tree")
    parser.add_argument("driver")
    parser.add_argument("release")
    parser.add_argument("root")
    options = parser.parse_args()
    options.vgpukit = os.path.abspath(options.vgpukit)
    counts = {}
    with tempfile.TemporaryDirectory(prefix="vgpukit-mutants-") as work:
        bench = Bench(options, work)
        try:
            applied = bench.applied()
            print("| recipe | mutant | killed by | |\n|---|---|---|---|", flush=True)
            for name in applied:
                if options.only not in name:
                    continue
                with open(f"{TOP}/recipes/{name}.yaml") as file:
                    every = list(mutated(yaml.safe_load(file)))
                for mutant, recipe in every[:options.each]:
                    killer, _, why = bench.verdict(recipe).partition(": ")
                    counts[killer] = counts.get(killer, 0) + 1
                    cell = why.strip().replace("|", "\\|")[:160]
                    print(f"| {name} | {mutant} | {killer} | {cell} |", flush=True)
                if not every:
                    print(f"| {name} | none: it only renames, or includes a header | | |", flush=True)
        finally:
            if not options.tree:
                shutil.rmtree(bench.tree, ignore_errors=True)
    print("\n" + ", ".join(f"{count} {killer}" for killer, count in sorted(counts.items())))


if __name__ == "__main__":
    main()
