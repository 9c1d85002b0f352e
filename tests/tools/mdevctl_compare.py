#!/usr/bin/env python3
"""Compares vgpukit's answers with mdevctl's for the same folder: mdevctl_compare.py VGPUKIT DIR

Exit status 77: mdevctl is not installed. mdevctl runs inside the folder (chroot), because not every version of it
supports another root.
"""
import json, os, re, shutil, subprocess, sys

vgpukit, root = sys.argv[1:]
mdevctl = shutil.which("mdevctl")
if not mdevctl:
    print("mdevctl is not installed: nothing compared", file=sys.stderr)
    sys.exit(77)
ldd = subprocess.run(["ldd", mdevctl], check=True, stdout=subprocess.PIPE, text=True)
libraries = re.findall(r"(/\S+)", ldd.stdout)
for path in [mdevctl] + libraries:
    os.makedirs(os.path.dirname(root + path), exist_ok=True)
    shutil.copy(os.path.realpath(path), root + path)
for folder in ("etc/mdevctl.d/scripts.d", "usr/lib/mdevctl/scripts.d"):
    for kind in ("callouts", "notifiers"):
        os.makedirs(f"{root}/{folder}/{kind}", exist_ok=True)


def run(*argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


def theirs(*words):
    found = json.loads(run("chroot", root, mdevctl, *words, "--dumpjson"))
    return found[0] if found else {}


def ours(*words):
    return json.loads(run(vgpukit, "--root", root, "vgpu", *words, "--format", "json"))


def our_types():
    answer = ours("types")
    known = {card["address"]: {one["id"]: one for one in card["types"]} for card in answer["cards"]}
    parents = {}
    for parent in answer["parents"]:
        rows = parents[parent["name"]] = []
        for id, free in sorted(parent["available"].items()):
            one = known[parent["card"]][id]
            row = {"available_instances": free, "device_api": one["device_api"]}
            row.update({key: one[key] for key in ("name", "description") if one[key]})
            rows.append({id: row})
    return parents


def our_devices(which):
    parents = {}
    for one in ours("list", which)["devices"]:
        row = {"mdev_type": one["type"], "start": one["start"], "attrs": one["attrs"]}
        parents.setdefault(one["parent"], []).append({one["name"]: row})
    return parents


def same(what, a, b):
    if a != b:
        sys.exit(f"{what}: vgpukit says\n{json.dumps(a, indent=1)}\nmdevctl says\n{json.dumps(b, indent=1)}")
    print(f"{what}: the same")


device = ours("list", "--active")["devices"][0]
# One program defines a device, the other reads it. Both write the same file for the same device.
path = f"{root}/etc/mdevctl.d/{device['parent']}/{device['name']}"
run(vgpukit, "--root", root, "vgpu", "define", device["name"], "--manual")
with open(path, encoding="utf-8") as file:
    written = file.read()
same("defined by vgpukit", our_devices("--defined"), theirs("list", "--defined"))
run("chroot", root, mdevctl, "undefine", "--uuid", device["name"])
run("chroot", root, mdevctl, "define", "--uuid", device["name"])
with open(path, encoding="utf-8") as file:
    same("the file", written, file.read())
run("chroot", root, mdevctl, "define", "--auto", "--uuid", "11111111-2222-4333-8444-555555555555",
    "--parent", device["parent"], "--type", device["type"])
same("defined by mdevctl", our_devices("--defined"), theirs("list", "--defined"))
same("active", our_devices("--active"), theirs("list"))
same("types", our_types(), theirs("types"))
