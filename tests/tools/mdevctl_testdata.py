#!/usr/bin/env python3
"""Runs the cases of mdevctl's own tests that vgpukit has, too: mdevctl_testdata.py VGPUKIT TESTDATA

TESTDATA is the folder testdata of the repository of mdevctl. The cases are those of its src/tests: a case has files in
a root folder, a command, whether it succeeds, and what the definition, the list or the file in /sys must be then.

Not here is what only mdevctl has: --jsonfile, --live, --force, --addattr, lists of one UUID, a parent that is no PCI
device, the callout `get attributes`, and its text output. One case differs: `undefine` of a UUID that is defined for
several cards removes all in mdevctl; vgpukit asks for the card.
"""
import json, os, shutil, subprocess, sys, tempfile

program, data = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
UUID, A, B = "976d8cc2-4bfc-43b9-b9f9-f4af2de91ab9", "0000:00:03.0", "0000:00:02.0"
TYPE = "i915-GVTg_V5_4"
VERSIONED = "11111111-1111-0000-0000-000000000000"  # the scripts ver-*.sh support version 2 for it
failed = []
count = 0


class Host:
    def __init__(self, area):
        self.area, self.root = area, tempfile.mkdtemp(prefix="vgpukit-mdevctl-")
        for folder in ("sys/bus/mdev/devices", "sys/class/mdev_bus", "sys/bus/pci/devices", "proc", "bin"):
            os.makedirs(f"{self.root}/{folder}")
        shutil.copy(shutil.which("busybox"), f"{self.root}/bin/busybox")
        for name in ("sh", "cat", "echo", "test", "expr", "sed", "grep"):
            os.symlink("busybox", f"{self.root}/bin/{name}")

    def write(self, path, text=""):
        path = f"{self.root}/{path}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)

    def parent(self, parent, type, free=1, name="", description=""):
        at = f"sys/class/mdev_bus/{parent}/mdev_supported_types/{type}"
        files = {"available_instances": f"{free}\n", "device_api": "vfio-pci\n", "name": name, "create": ""}
        if description:
            files["description"] = description
        for file, text in files.items():
            self.write(f"{at}/{file}", text)
        return self

    def active(self, uuid, parent, type):
        self.parent(parent, type)
        self.write(f"sys/class/mdev_bus/{parent}/{uuid}/remove")
        os.symlink(f"../mdev_supported_types/{type}", f"{self.root}/sys/class/mdev_bus/{parent}/{uuid}/mdev_type")
        os.symlink(f"../../../class/mdev_bus/{parent}/{uuid}", f"{self.root}/sys/bus/mdev/devices/{uuid}")
        return self

    def defined(self, uuid, parent, file="defined.json"):
        with open(f"{data}/{self.area}/{file}") as text:
            self.write(f"etc/mdevctl.d/{parent}/{uuid}", text.read())
        return self

    def script(self, *names):
        for name in names:
            with open(f"{data}/callouts/{name}") as text:
                path = f"etc/mdevctl.d/scripts.d/callouts/{name}"
                self.write(path, text.read())
                os.chmod(f"{self.root}/{path}", 0o755)
        return self

    def read(self, path):
        with open(f"{self.root}/{path}") as file:
            return file.read()

    def run(self, *words):
        return subprocess.run([program, "-q", "--root", self.root, "vgpu", *words], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)


def check(name, good, said=""):
    global count
    count += 1
    if not good:
        failed.append(name)
        print(f"differs: {name}\n{said}")


def case(name, host, words, passes, uuid=UUID, parent=A, expected=None):
    """`expected`: a file of the test data that the definition must be equal to, byte for byte."""
    done = host.run(*words)
    check(f"{host.area} {name}: status", (done.returncode == 0) == passes, f"{done.returncode}: {done.stdout}")
    if expected:
        with open(f"{data}/{host.area}/{expected}") as file:
            wanted = file.read()
        path = f"etc/mdevctl.d/{parent}/{uuid}"
        got = host.read(path) if os.path.exists(f"{host.root}/{path}") else ""
        check(f"{host.area} {name}: the file", got == wanted, got)
    shutil.rmtree(host.root)


def define(uuid=UUID):
    return ["define", TYPE, "--card", A, "--uuid", uuid]


case("uuid-auto", Host("define").parent(A, TYPE), define(), True, expected="uuid-auto.expected")
case("uuid-manual", Host("define").parent(A, TYPE), [*define(), "--manual"], True, expected="uuid-manual.expected")
case("uuid-running-no-type", Host("define").active(UUID, A, TYPE), ["define", UUID, "--manual"], True,
     expected="uuid-running-no-type.expected")
case("uuid-running-diff-parent", Host("define").parent(A, TYPE).active(UUID, B, TYPE), [*define(), "--manual"], True,
     expected="uuid-running-diff-parent.expected")
case("uuid-running-diff-type", Host("define").parent(A, TYPE).active(UUID, A, "different_type"),
     [*define(), "--manual"], True, expected="uuid-running-diff-type.expected")
case("uuid-already-defined", Host("define").parent(A, TYPE).defined(UUID, A), define(), False)
with_scripts = ((["rc0.sh"], UUID, True), (["rc1.sh"], UUID, False), (["ver-rc0.sh"], VERSIONED, True),
                (["ver-rc1.sh"], VERSIONED, False), (["rc0.sh", "ver-rc0.sh"], VERSIONED, True),
                (["rc1.sh", "ver-rc0.sh"], VERSIONED, True), (["rc0.sh", "ver-rc1.sh"], VERSIONED, False))
for scripts, uuid, passes in with_scripts:
    case(f"with {scripts}", Host("define").parent(A, TYPE).script(*scripts), define(uuid), passes)
    case(f"with {scripts}", Host("undefine").defined(uuid, A).script(*scripts), ["undefine", uuid], passes)

case("single", Host("undefine").defined(UUID, A), ["undefine", UUID, "--card", A], True)
case("nonexistent", Host("undefine"), ["undefine", UUID, "--card", A], False)
host = Host("undefine").defined(UUID, A).defined(UUID, B)
check("undefine multiple-parent: status", host.run("undefine", UUID, "--card", A).returncode == 0)
check("undefine multiple-parent", [os.path.exists(f"{host.root}/etc/mdevctl.d/{p}/{UUID}") for p in (A, B)] == [0, 1])
shutil.rmtree(host.root)

modify = ["modify", UUID, "--card", A]
case("device-not-defined", Host("modify"), ["modify", UUID, "--auto"], False)
case("auto", Host("modify").defined(UUID, A), [*modify, "--auto"], True, expected="auto.expected")
case("manual", Host("modify").defined(UUID, A), [*modify, "--manual"], True, expected="manual.expected")
case("mdev_type", Host("modify").parent(A, "changed-mdev-type").defined(UUID, A),
     [*modify, "--type", "changed-mdev-type"], True, expected="mdev_type.expected")
case("multiple-noparent", Host("modify").defined(UUID, A).defined(UUID, B), ["modify", UUID, "--auto"], False)
case("multiple-parent", Host("modify").defined(UUID, A).defined(UUID, B), [*modify, "--auto"], True,
     expected="multiple-parent.expected")
case("auto-manual", Host("modify").defined(UUID, A), [*modify, "--auto", "--manual"], False)
case("callout-pass", Host("modify").defined(UUID, A).script("rc0.sh"), [*modify, "--auto"], True,
     expected="callout-pass.expected")
case("callout-fail", Host("modify").defined(UUID, A).script("rc1.sh"), [*modify, "--auto"], False)

# A folder does not react to the write, so these end with 1 after it. What was written counts.
def start(name, host, words, written, uuid=UUID):
    done = host.run(*words)
    create = f"sys/class/mdev_bus/{A}/mdev_supported_types/arbitrary_type/create"
    got = host.read(create) if os.path.exists(f"{host.root}/{create}") else ""
    check(f"start {name}", got == (uuid if written else "") and done.returncode != 0, done.stdout)
    shutil.rmtree(host.root)


def two():
    host = Host("start")
    for parent in (A, B):
        host.parent(parent, "arbitrary_type").defined(UUID, parent)
    return host


start("uuid-type-parent", Host("start").parent(A, "arbitrary_type"),
      ["create", "arbitrary_type", "--card", A, "--uuid", UUID], True)
start("no-type", Host("start").parent(A, "arbitrary_type"), ["start", UUID, "--card", A], False)
start("no-type-defined", Host("start").parent(A, "arbitrary_type").defined(UUID, A), ["start", UUID, "--card", A], True)
start("no-type-parent-defined", Host("start").parent(A, "arbitrary_type").defined(UUID, A), ["start", UUID], True)
start("defined-with-type", two(), ["create", "arbitrary_type", "--uuid", UUID, "--card", A], True)
start("defined-multiple-underspecified", two(), ["start", UUID], False)
start("defined-multiple", two(), ["start", UUID, "--card", A], True)
start("defined-diff-type", Host("start").parent(A, "arbitrary_type").parent(A, "wrong-type").defined(UUID, A),
      ["create", "wrong-type", "--uuid", UUID, "--card", A], False)

made = ["create", "arbitrary_type", "--uuid", UUID, "--card", A]
start("already-running", Host("start").active(UUID, A, "arbitrary_type"), made, False)
start("no-instances", Host("start").parent(A, "arbitrary_type", free=0), made, False)
start("missing-parent", Host("start"), made, False)
start("callout-success", two().script("rc0.sh"), made, True)
start("callout-fail", two().script("rc1.sh"), made, False)
for scripts, uuid, passes in with_scripts:
    start(f"with {scripts}", Host("start").parent(A, "arbitrary_type").defined(uuid, A).script(*scripts),
          ["start", uuid], passes, uuid)
    host = Host("stop").active(uuid, A, "arbitrary_type").script(*scripts)
    done = host.run("remove", uuid)
    check(f"stop with {scripts}", host.read(f"sys/bus/mdev/devices/{uuid}/remove") == ("1" if passes else ""),
          done.stdout)
    shutil.rmtree(host.root)

# The lists, in the form of mdevctl's JSON.
uuids = ("976d8cc2-4bfc-43b9-b9f9-f4af2de91ab9", "59e8b599-afdd-4766-a59e-415ef4f5a492",
         "4a0a190f-dcf3-4def-9342-c48768f0c940", "9f579710-6ffc-4201-987a-4ffa0fb1f3a5")


def listed(host, *words):
    by_parent = {}
    for device in json.loads(host.run("list", "--format", "json", *words).stdout)["devices"]:
        value = {"mdev_type": device["type"], "start": device["start"], "attrs": device["attrs"]}
        by_parent.setdefault(device["parent"], []).append({device["name"]: value})
    return [by_parent] if by_parent else []


def equal(name, got):
    with open(f"{data}/{name}.json") as file:
        check(name, got == json.load(file), json.dumps(got, indent=1))


host = Host("list")
for name, words in (("active-none", ["--active"]), ("defined-none", ["--defined"])):
    equal(f"list/{name}", listed(host, *words))
host.active(uuids[0], B, "arbitrary_type1").active(uuids[1], A, "arbitrary_type2")
host.defined(uuids[2], B, "device2.json").defined(uuids[3], A, "device1.json").defined(uuids[3], B, "device1.json")
for name, words in (("active", ["--active"]), ("active-parent", ["--active", "--card", B]), ("defined", ["--defined"]),
                    ("defined-parent", ["--defined", "--card", B])):
    equal(f"list/{name}", listed(host, *words))
shutil.rmtree(host.root)

# Each file of load-json as a definition: it is listed as mdevctl writes it again. A file whose name is no UUID, and a
# device whose name is none, do no harm.
host = Host("load-json")
for name in sorted(os.listdir(f"{data}/load-json")):
    if not name.endswith(".in"):
        continue
    uuid = name[:-3]
    host.defined(uuid, A, name)
    with open(f"{data}/load-json/{uuid}.out") as file:
        check(f"load-json/{uuid}", listed(host, "--defined")[0][A][-1:] == [{uuid: json.load(file)}])
    os.remove(f"{host.root}/etc/mdevctl.d/{A}/{uuid}")
shutil.rmtree(host.root)
host = Host("invalid-files").active("invalid-uuid-value", A, "arbitrary_type")
host.defined("invalid-uuid-value", A, "device.json")
for words in (["--active"], ["--defined"]):
    done = host.run("list", *words)
    check(f"invalid-files {words}", done.returncode in (0, 1), done.stdout)
shutil.rmtree(host.root)


def types(host, *words):
    by_parent = {}
    for card in json.loads(host.run("types", "--format", "json", *words).stdout)["cards"]:
        for type in card["types"]:
            value = {"available_instances": type["available"], "device_api": "vfio-pci", "name": type["name"]}
            if type["description"]:
                value["description"] = type["description"]
            by_parent.setdefault(card["address"], []).append({type["id"]: value})
    return [by_parent] if by_parent else []


host = Host("types")
equal("types/empty", types(host))
host.parent(B, "mdev_type1", 5, "name1", "description 1").parent(B, "mdev_type2", 16, "name2")
host.parent(B, "mdev_type3", 1, "name3", "description 3")
host.parent(A, "nvidia-155", 4, "GRID M10-2B").parent(A, "nvidia-36", 16, "GRID M10-0Q")
for name, card in (("parent-match-1", B), ("parent-match-2", A)):
    equal(f"types/{name}", types(host, "--card", card))
shutil.rmtree(host.root)

print(f"mdevctl's test data: {count - len(failed)} of {count} agree")
sys.exit(1 if failed else 0)
