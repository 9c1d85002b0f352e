#!/usr/bin/env python3
"""Boots a Debian kernel under QEMU, loads the modules of a folder there, and unloads them.

    tests/vm/load.py FOLDER RELEASE ROOT        (ROOT: a builder root of ci/roots.sh, with the headers of RELEASE)

For `loads` of a matrix file (docs/matrix-file.md). Exit status 0: the modules load. 1: they do not, and the last line
is the reason. 3: this machine or this root lacks something for the test.
"""
import os, re, shutil, subprocess, sys, tempfile, types

sys.dont_write_bytecode = True
import run as vm

NEEDED = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "kmod": "kmod", "depmod": "kmod",
          "strip": "binutils"}


def cannot(text):
    print(text, flush=True)
    sys.exit(3)


def image_of(root, release):
    """The kernel's image. ci/images.sh fetches it for the builder roots of ci/roots.sh."""
    cache, suite = os.path.dirname(os.path.dirname(root)), os.path.basename(root)
    if suite == "variants":
        cannot(f"{release} has headers only (ci/variants.sh): there is no such kernel to boot")
    if not os.path.exists(f"{root}/.vgpukit-root") or os.path.basename(os.path.dirname(root)) != "roots":
        cannot(f"{root} is no builder root of ci/roots.sh: its kernel image is not known")
    done = subprocess.run([f"{vm.TOP}/ci/images.sh", suite, release], env=dict(os.environ, VGPUKIT_CI_CACHE=cache),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        cannot("no kernel image: " + (done.stderr.strip().splitlines() or ["ci/images.sh failed"])[-1])
    return done.stdout.strip()


def guest_folder(work, scripts):
    """A guest's root folder with busybox, kmod, init and these scripts."""
    folder = f"{work}/guest"
    for name in ("proc", "sys", "dev", "run", "tmp", "sbin"):
        os.makedirs(f"{folder}/{name}")
    vm.put(folder, "/bin/busybox", shutil.which("busybox"), 0o755)
    for name in vm.BUSYBOX:
        os.symlink("busybox", f"{folder}/bin/{name}")
    vm.put_program(folder, "/usr/bin/kmod", os.path.realpath(shutil.which("kmod")))
    for name in vm.KMOD:
        os.symlink("/usr/bin/kmod", f"{folder}/sbin/{name}")
    vm.put(folder, "/init", f"{vm.HERE}/guest/init", 0o755)
    for script in scripts:
        vm.put(folder, f"/guest/{os.path.basename(script)}", script, 0o755)
    return folder


def initramfs(kernel, modules, work):
    folder = guest_folder(work, [f"{vm.HERE}/guest/checks.sh", f"{vm.HERE}/guest/load.sh"])
    for name in os.listdir(modules):
        if name.endswith(".ko"):
            vm.put_stripped(folder, f"/lib/modules/{kernel.release}/updates/{name}", f"{modules}/{name}")
    vm.kernel_modules(kernel, folder)
    return vm.cpio(folder)


def causes(output):
    """One line for each failed check: its name and the first line that the guest printed below it."""
    for name, below in re.findall(r"^not ok (.*)\n((?:  .*\n)*)", output, re.M):
        lines = re.findall(r"^  \| (.+)$", below, re.M) or re.findall(r"^  (?:kernel: )?(.+)$", below, re.M)
        yield f"{name}: {lines[0]}" if lines else name


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    modules, release, root = sys.argv[1], sys.argv[2], os.path.realpath(sys.argv[3])
    for program, package in NEEDED.items():
        if not shutil.which(program):
            cannot(f"there is no {program} here: install {package}")
    kernel = types.SimpleNamespace(release=release, image=image_of(root, release))
    with tempfile.TemporaryDirectory(prefix="vgpukit-load-") as work:
        output, problem = vm.boot(kernel, "load", initramfs(kernel, modules, work), work)
    print(output, flush=True)
    wrong, passed = vm.check_boot("load", output, problem)
    if not wrong:
        print(f"{release} loaded and unloaded the modules: {passed} checks")
        return 0
    for line in wrong:
        print(line)
    print(next(causes(output), wrong[0]))
    return 1


if __name__ == "__main__":
    sys.exit(main())
