#!/usr/bin/env python3
"""Builds a vGPU driver with an object of our own in place of NVIDIA's, and uses it with a fake card.

    tests/card/vgpu.py --vgpukit BINARY [--keep DIR] FOLDER RELEASE ROOT

FOLDER: the kernel/ folder of a vgpu-kvm package of branch 460 or 525 (tested: 460.73.01 and 525.85.07), which may lack
its binary objects. RELEASE, ROOT: as for works.py. vgpu_stand_in.c becomes nvidia/nv-kernel.o_binary, vgpukit builds
and verifies the modules, and guest/vgpu.sh loads them, creates vGPUs and uses them through VFIO. Exit status: as
works.py's.

What that proves nothing about: NVIDIA's object, and what it does with a card.
"""
import argparse, glob, os, re, shutil, subprocess, sys, tempfile, types

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [f"{os.path.dirname(HERE)}/vm", HERE]
import load, run as vm, works

MODULES = ["nvidia", "nvidia-vgpu-vfio"]
OTHERS = ["vfio_iommu_type1", "pci_pf_stub"]
# A card with virtual functions: QEMU hides those of a vfio-user device.
SRIOV = ["-device", "pcie-root-port,id=sriov,bus=pcie.0,chassis=2,slot=2", "-device", "igb,bus=sriov,romfile="]
OBJECT_FLAGS = ["-O2", "-ffreestanding", "-fno-pic", "-fno-pie", "-mcmodel=kernel", "-mno-red-zone",
                "-mgeneral-regs-only", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
                "-fcf-protection=branch", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror"]
NOT_SUPPORTED = 0x56  # NV_ERR_NOT_SUPPORTED


def of_tree(tree, branch):
    return [f"-DBRANCH_{branch}", f"-I{tree}/common/inc", f"-I{tree}/nvidia", f"-I{tree}/nvidia-vgpu-vfio"]


def other_functions(tree):
    """Assembler with a weak function for each name that NVIDIA's object might have: it fails, or returns 0."""
    names, with_status = set(), set()
    for path in glob.glob(f"{tree}/nvidia/*.[ch]") + glob.glob(f"{tree}/common/inc/*.h"):
        with open(path, errors="replace") as file:
            text = file.read()
        names |= set(re.findall(r"\b((?:rm|nvlink|nvswitch)_\w+)\s*\(", text))
        with_status |= set(re.findall(r"^NV_STATUS\s+(?:NV_API_CALL\s+)?(\w+)\s*\(", text, re.M))
    lines = ['.section .note.GNU-stack,"",@progbits', ".text"]
    for group, value in ((names & with_status, NOT_SUPPORTED), (names - with_status, 0)):
        lines.append(".p2align 4")
        lines += [f".weak {name}\n.type {name}, @function\n{name}:" for name in sorted(group)]
        lines += ["endbr64", f"mov ${value}, %eax", "ret", "int3"]
    return "\n".join(lines) + "\n"


def branch_of(tree):
    found = None
    if os.path.exists(f"{tree}/Kbuild"):
        with open(f"{tree}/Kbuild") as file:
            found = re.search(r'NV_VERSION_STRING=\\"(\d+)\.', file.read())
    if not found or found[1] not in ("460", "525"):
        load.cannot(f"{tree} is no driver of branch 460 or 525")
    return found[1]


def make_objects(tree, branch, work):
    with open(f"{work}/others.s", "w") as file:
        file.write(other_functions(tree))
    vm.run(["gcc", *OBJECT_FLAGS, *of_tree(tree, branch), "-c", "-o", f"{work}/stand_in.o", f"{HERE}/vgpu_stand_in.c"])
    vm.run(["gcc", "-c", "-o", f"{work}/others.o", f"{work}/others.s"])
    vm.run(["ld", "-r", "-o", f"{tree}/nvidia/nv-kernel.o_binary", f"{work}/stand_in.o", f"{work}/others.o"])


def build(options, tree, root, work):
    env = dict(os.environ, VGPUKIT_DATA=vm.TOP, VGPUKIT_STATE=f"{work}/state", VGPUKIT_CACHE=f"{work}/cache")
    print(vm.run([options.vgpukit, "-q", "build", tree, "--root", root, "--kernel", options.release, "--output",
                  f"{work}/modules", "--accept", "gpl-export", "--modules", ",".join(MODULES)], env=env))


def initramfs(kernel, tree, branch, work):
    scripts = [f"{vm.HERE}/guest/checks.sh", f"{vm.HERE}/guest/sriov-manage", f"{HERE}/guest/vgpu.sh"]
    folder = load.guest_folder(work, scripts)
    vm.run(["gcc", "-static", "-O1", "-pthread", *of_tree(tree, branch), "-o", f"{folder}/bin/vgpu_exercise",
            f"{HERE}/vgpu_exercise.c"])
    works.put_modules(kernel, f"{work}/modules", folder, MODULES, OTHERS)
    return vm.cpio(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vgpukit", required=True, help="the program that builds")
    parser.add_argument("--keep", help="a folder for the console's and the card's log")
    parser.add_argument("folder", metavar="FOLDER")
    parser.add_argument("release", metavar="RELEASE")
    parser.add_argument("root", metavar="ROOT")
    parser.set_defaults(card="p4", set=[], fault=None)
    options = parser.parse_args()
    root = os.path.realpath(options.root)
    for program, package in {**works.NEEDED, "ld": "binutils"}.items():
        if not shutil.which(program):
            load.cannot(f"there is no {program} here: install {package}")
    kernel = types.SimpleNamespace(release=options.release, image=load.image_of(root, options.release))
    with tempfile.TemporaryDirectory(prefix="vgpukit-vgpu-") as work:
        tree, branch = f"{work}/tree", branch_of(options.folder)
        shutil.copytree(options.folder, tree)
        make_objects(tree, branch, work)
        build(options, tree, root, work)
        image = initramfs(kernel, tree, branch, work)
    output, problem, log = works.boot(kernel, image, options, os.path.dirname(os.path.dirname(root)),
                                      f"vgpu branch={branch}", devices=SRIOV)
    print(output, flush=True)
    works.keep(options.keep, output, log)
    wrong, passed = vm.check_boot("vgpu", output, problem)
    # vgpu_exercise.c writes this to the mapped BAR 1.
    for line in ("write bar1 0x8000 4 <- 12345678", "write bar1 0x9ffc 4 <- 9abcdef0"):
        if log.count(line) != 2:
            wrong.append(f"vgpu: the card did not see it twice: {line}")
    for line in wrong:
        print(line)
    if not wrong:
        print(f"{options.release} used {branch}'s vGPU modules with a fake {works.CARDS[options.card].name}: {passed} "
              "checks")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
