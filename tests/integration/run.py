#!/usr/bin/env python3
"""Runs the text files in cases/: what a user types, and what the user then sees. tests/README.md explains how.

A file holds cases. A case begins with NAME and ends at the next NAME:

    NAME   the name that is printed
    FULL                          run the case only with --full
    EACH   bullseye bookworm      one case for each word, which replaces {suite} everywhere
    ALONE                         no other case runs at the same time (it looks for what other builds leave, too)
    USER   nobody                 run the steps as this user
    RUN    a shell command line; vgpukit is in the PATH, set -e is on
    EXIT   the expected exit status (default 0)
    OUT    text that stdout must contain      NOTOUT  text that stdout must not contain
    ERR    text that stderr must contain      NOTERR  text that stderr must not contain
    JSON   a Python expression that must be true; `j` is the JSON document on stdout

Every JSON document that a RUN prints, or writes to a file with `>`, is checked against docs/schemas.

An expectation belongs to the RUN above it. OUT and ERR are plain text. A line that begins with eight spaces continues
the line above: a RUN with a line break, anything else with a space. These are replaced everywhere:

    {tmp}             the folder of the case            {source}   this repository
    {on:SUITE:6.12}   --root ROOT --kernel RELEASE      {root:SUITE}  {rel:SUITE:6.12}
    {series:SUITE:newest}  the first two numbers of a release
    {on:SUITE:newest} the same with the newest kernel of the root, or the oldest. The kernels of backports and sid
                      change: no case names their series
    {on:variants:NAME}  headers that Debian does not ship, see ci/variants.sh; {root:variants}  {rel:variants:NAME}
    {driver:NAME}     a tarball of NVIDIA's sources, see ci/drivers.sh
    {bin}             the folder that vgpukit was built in; the tools of tests/tools are there too
"""
import argparse, concurrent.futures, copy, json, os, re, shutil, subprocess, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True
sys.path.insert(0, f"{TOP}/tests/tools")
from json_schemas import Schemas, documents
from root_kernels import pick
KEYS = {"NAME", "FULL", "ALONE", "EACH", "USER", "RUN", "EXIT", "OUT", "NOTOUT", "ERR", "NOTERR", "JSON"}


class Case:
    def __init__(self, name, place):
        self.name, self.place, self.full, self.alone, self.user, self.steps = name, place, False, False, None, []
        self.suites = []

    def each(self):
        """The case, or one for each word of EACH."""
        if not self.suites:
            return [self]
        cases = []
        for suite in self.suites:
            case = copy.deepcopy(self)
            case.name = self.name.replace("{suite}", suite)
            for step in case.steps:
                step["run"] = step["run"].replace("{suite}", suite)
                step["checks"] = [(key, text.replace("{suite}", suite), place) for key, text, place in step["checks"]]
            cases.append(case)
        return cases


def read_cases(path):
    cases = []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\n")
            if not line.strip() or line.startswith("#"):
                continue
            if line.startswith("        ") and cases and cases[-1].steps:  # the line above goes on
                step = cases[-1].steps[-1]
                if step["checks"]:
                    key, text, first = step["checks"][-1]
                    step["checks"][-1] = (key, f"{text} {line.strip()}", first)
                else:
                    step["run"] += "\n" + line.strip()
                continue
            key, _, rest = line.partition(" ")
            rest = rest.strip()
            place = f"{os.path.relpath(path, TOP)}:{number}"
            if key not in KEYS:
                sys.exit(f"{place}: '{key}' is none of {sorted(KEYS)}")
            if key == "NAME":
                cases.append(Case(rest, place))
            elif key == "FULL":
                cases[-1].full = True
            elif key == "ALONE":
                cases[-1].alone = True
            elif key == "EACH":
                cases[-1].suites = rest.split()
            elif key == "USER":
                cases[-1].user = rest
            elif key == "RUN":
                cases[-1].steps.append({"run": rest, "exit": 0, "checks": [], "place": place})
            elif key == "EXIT":
                cases[-1].steps[-1]["exit"] = int(rest)
            else:
                cases[-1].steps[-1]["checks"].append((key, rest, place))
    return [each for case in cases for each in case.each()]


class World:
    """The builder roots and driver packages. They are made when a case first names them."""

    def __init__(self, binary):
        self.suites, self.drivers, self.bin = {}, {}, os.path.dirname(os.path.abspath(binary))
        self.schemas, self.documents = Schemas(), 0
        self.lock = threading.RLock()

    def suite(self, name, variant="quick"):
        script = ("variants.sh", variant) if name == "variants" else ("roots.sh", name)
        if script not in self.suites:
            out = subprocess.run([f"{TOP}/ci/{script[0]}", script[1]], check=True, stdout=subprocess.PIPE,
                                 text=True).stdout
            rows = [line.split() for line in out.splitlines()]
            self.suites[script] = (rows[0][1], [row[2] for row in rows])
        return self.suites[script]

    def release(self, name, version):
        if name == "variants":
            return self.suite(name, version)[1][0]
        return pick(name, self.suite(name)[1], version)

    def driver(self, name):
        if name not in self.drivers:
            out = subprocess.run([f"{TOP}/ci/drivers.sh", name], check=True, stdout=subprocess.PIPE, text=True).stdout
            self.drivers[name] = out.split()[1]
        return self.drivers[name]

    def expand(self, text, tmp):
        with self.lock:
            return self.expand_locked(text, tmp)

    def expand_locked(self, text, tmp):
        def one(match):
            word = match.group(1).split(":")
            if word == ["tmp"]:
                return tmp
            if word == ["source"]:
                return TOP
            if word == ["bin"]:
                return self.bin
            if word[0] == "root" and len(word) == 2:
                return self.suite(word[1])[0]
            if word[0] == "rel" and len(word) == 3:
                return self.release(word[1], word[2])
            if word[0] == "series" and len(word) == 3:
                return re.match(r"\d+\.\d+", self.release(word[1], word[2])).group()
            if word[0] == "on" and len(word) == 3:
                return f"--root {self.suite(word[1])[0]} --kernel {self.release(word[1], word[2])}"
            if word[0] == "driver" and len(word) == 2:
                return self.driver(word[1])
            return match.group(0)

        return re.sub(r"\{([a-z]+(?::[\w.\-]+)*)\}", one, text)


def check_json(script, out, tmp, schemas, place):
    """What is wrong with the JSON that a step's commands have printed, by docs/schemas, and how many were checked."""
    wrong, checked, printed = [], 0, []
    for command, file in schemas.commands_in(script):
        if not file:
            printed.append(command)
        elif os.path.isfile(os.path.join(tmp, file)):
            with open(os.path.join(tmp, file), encoding="utf-8", errors="replace") as text:
                for document in documents(text.read()):
                    wrong += schemas.problems(document, schemas.of_command[command])
                    checked += 1
    there = documents(out)
    if len(there) == len(printed):
        for command, document in zip(printed, there):
            wrong += schemas.problems(document, schemas.of_command[command])
            checked += 1
    return [f"{place}: {line}" for line in wrong], checked


class Skipped(Exception):
    """A step ended with exit status 77: this machine cannot run it."""


def run_step(step, case, tmp, env, world):
    script = world.expand(step["run"], tmp)
    argv = ["bash", "-ec", script]
    if case.user:
        argv = ["runuser", "-u", case.user, "--"] + argv
    done = subprocess.run(argv, cwd=tmp, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=1800)
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    wrong = []
    if done.returncode == 77 and step["exit"] != 77:
        raise Skipped
    if done.returncode != step["exit"]:
        wrong.append(f"{step['place']}: exit {done.returncode}, wanted {step['exit']}")
    document = None
    for key, text, place in step["checks"]:
        text = world.expand(text, tmp)
        if key == "JSON":
            try:
                if document is None:
                    document = json.loads(out)
                names = {"j": document, "os": os, "re": re, "len": len, "all": all, "any": any, "set": set,
                         "sorted": sorted}
                fine = bool(eval(text, names))
            except Exception as bad:  # output that is not JSON, or a missing key, is a failed check
                fine, text = False, f"{text}   ({type(bad).__name__}: {bad})"
        else:
            where = out if key.endswith("OUT") else err
            fine = (text in where) != key.startswith("NOT")
        if not fine:
            wrong.append(f"{place}: {key} {text}")
    bad, checked = check_json(script, out, tmp, world.schemas, step["place"])
    with world.lock:
        world.documents += checked
    wrong += bad
    if wrong:
        wrong += ["$ " + world.expand(step["run"], tmp), "--- stdout", out[-4000:], "--- stderr", err[-4000:]]
    return wrong


def run_case(case, tmp, base, world):
    """Runs the case in the folder tmp. Returns "ok", "FAIL" or "skip", the seconds, and what is wrong."""
    # As unit_as_nobody of ci/test.sh: in a checkout below /root, for example.
    if case.user and subprocess.run(["runuser", "-u", case.user, "--", "test", "-r", f"{TOP}/recipes"]).returncode:
        return "skip", 0, [f"{case.user} cannot read {TOP}"]
    os.mkdir(tmp)
    # The cases of one user share a cache, as on a user's machine. Each case has its own store and builds.
    env = {"PATH": f"{base}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": tmp, "LC_ALL": "C.UTF-8",
           "VGPUKIT_DATA": TOP, "VGPUKIT_STATE": f"{tmp}/state", "VGPUKIT_CACHE": f"{base}/cache-{case.user or 'root'}"}
    # Folders that are not part of this repository.
    given = ("VGPUKIT_MDEVCTL_TESTDATA", "VGPUKIT_460", "VGPUKIT_525")
    env |= {name: os.environ[name] for name in given if name in os.environ}
    os.makedirs(env["VGPUKIT_CACHE"], exist_ok=True)
    if case.user:
        shutil.chown(tmp, case.user)
        shutil.chown(env["VGPUKIT_CACHE"], case.user)
    start, wrong = time.monotonic(), []
    try:
        for step in case.steps:
            wrong = run_step(step, case, tmp, env, world)
            if wrong:
                break
    except Skipped:
        return "skip", time.monotonic() - start, ["this machine does not allow it"]
    except subprocess.SubprocessError as error:  # a step over its time, a root that cannot be made
        wrong = [f"{case.place}: {error}"]
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
    return "FAIL" if wrong else "ok", time.monotonic() - start, wrong


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--vgpukit", required=True, help="the binary under test")
    options.add_argument("--full", action="store_true")
    options.add_argument("--only", default="", help="run only cases whose name or file contains this text")
    options.add_argument("--jobs", type=int, default=os.cpu_count(), help="cases that run at the same time")
    options = options.parse_args()
    cases = []
    for name in sorted(os.listdir(f"{HERE}/cases")):
        if name.endswith(".test"):
            cases += read_cases(f"{HERE}/cases/{name}")
    cases = [case for case in cases if options.only in case.name or options.only in case.place]
    now = [case for case in cases if options.full or not case.full]
    world, count = World(options.vgpukit), {"ok": 0, "FAIL": 0, "skip": 0}
    base = tempfile.mkdtemp(prefix="vgpukit-integration-")
    os.chmod(base, 0o755)
    os.mkdir(f"{base}/bin")
    shutil.copy(options.vgpukit, f"{base}/bin/vgpukit")  # a place where an ordinary user can run it too
    folder = {case: f"{base}/{number}" for number, case in enumerate(now)}

    def report(case, result):
        word, seconds, wrong = result
        count[word] += 1
        lines = "".join("       " + line.replace("\n", "\n       ") + "\n" for line in wrong)
        print(f"{word:4} {seconds:6.1f} s  {case.name}\n{lines}", end="", flush=True)

    pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
    try:
        running = {pool.submit(run_case, case, folder[case], base, world): case for case in now if not case.alone}
        for done in concurrent.futures.as_completed(running):
            report(running[done], done.result())
        for case in now:
            if case.alone:
                report(case, run_case(case, folder[case], base, world))
    finally:
        pool.shutdown(cancel_futures=True)
        shutil.rmtree(base, ignore_errors=True)
    if len(now) < len(cases):
        print(f"({len(cases) - len(now)} more cases run with --full)")
    print(f"({world.documents} JSON documents were checked against docs/schemas)")
    print(f"integration: {count['ok']} passed, {count['FAIL']} failed" +
          (f", {count['skip']} skipped" if count["skip"] else ""))
    return 1 if count["FAIL"] or not count["ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
