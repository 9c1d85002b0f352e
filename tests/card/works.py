#!/usr/bin/env python3
"""Boots a Debian kernel under QEMU with a fake NVIDIA card, and uses the modules of a folder there.

    tests/card/works.py [--card p4] [--fault NAME] [--keep DIR] FOLDER RELEASE ROOT

ROOT: a builder root of ci/roots.sh, with the headers of RELEASE. For `works` of a matrix file (docs/matrix-file.md).
Exit status 0: the modules load, find the card, nvidia-uvm passes its exercise, they unload, and the kernel reports no
error. 1: something of this fails, and the last line is the reason. 3: this machine or this root lacks something.

What that proves nothing about: the chip. Nothing behind the card's registers works.
"""
import argparse, glob, lzma, os, re, shutil, subprocess, sys, tempfile, time, types

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [f"{os.path.dirname(HERE)}/vm", HERE]
import load, run as vm
from cards import CARDS

# nvidia-peermem is left out: it wants an InfiniBand stack.
MODULES = ["nvidia", "nvidia-modeset", "nvidia-uvm", "nvidia-drm"]
DEADLINE = 600  # seconds for one boot; 10 to 20 are usual, on a busy machine it can be a few minutes
MEMORY = 1024   # MiB
NEEDED = {"busybox": "busybox-static", "kmod": "kmod", "depmod": "kmod", "strip": "binutils", "gcc": "gcc"}
DEVICE = '{"driver":"vfio-user-pci","socket":{"path":"%s","type":"unix"},"bus":"root-port"}'


def has_vfio_user(root):
    try:
        done = subprocess.run(["chroot", root, "qemu-system-x86_64", "-device", "help"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    except OSError:
        return False
    return '"vfio-user-pci"' in done.stdout


def qemu_root(cache):
    """The root folder with a QEMU that has vfio-user: this machine's, otherwise ci/qemu.sh's. None: status 3."""
    if has_vfio_user("/"):
        return "/"
    done = subprocess.run([f"{vm.TOP}/ci/qemu.sh"], env=dict(os.environ, VGPUKIT_CI_CACHE=cache),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        load.cannot("no QEMU with vfio-user: " + (done.stderr.strip().splitlines() or ["ci/qemu.sh failed"])[-1])
    root = done.stdout.strip()
    if not has_vfio_user(root):
        load.cannot(f"the QEMU in {root} has no device vfio-user-pci: QEMU 10.1 or later is needed")
    return root


def depends(path):
    """What a module needs, by its own section: names with underscores."""
    text = subprocess.run(["modinfo", "-F", "depends", path], stdout=subprocess.PIPE, text=True).stdout.strip()
    return [name.replace("-", "_") for name in text.split(",") if name]


def put_modules(kernel, modules, folder):
    """Puts the built modules and all of the kernel's that they depend on into the guest's folder."""
    base = f"{kernel.image}/lib/modules/{kernel.release}"
    known = {}
    for path in glob.glob(f"{base}/**/*.ko*", recursive=True):
        known[re.sub(r"\.ko(\.[a-z0-9]+)?$", "", os.path.basename(path)).replace("-", "_")] = path
    with open(f"{base}/modules.builtin") as file:
        builtin = {os.path.basename(line.strip()).removesuffix(".ko").replace("-", "_") for line in file}
    to = f"{folder}/lib/modules/{kernel.release}"
    todo, done = [], set()
    for name in MODULES:
        path = f"{modules}/{name}.ko"
        if os.path.exists(path):
            vm.put_stripped(folder, f"/lib/modules/{kernel.release}/updates/{name}.ko", path)
            done.add(name.replace("-", "_"))
            todo += depends(path)
    while todo:
        name = todo.pop()
        if name in done or name in builtin:
            continue
        if name not in known:
            load.cannot(f"the modules depend on {name}, which ci/images.sh does not unpack")
        done.add(name)
        target = f"{to}/{os.path.relpath(known[name], base)}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(known[name], "rb") as packed, open(target.removesuffix(".xz"), "wb") as out:
            data = packed.read()
            out.write(lzma.decompress(data) if known[name].endswith(".xz") else data)
        todo += depends(target.removesuffix(".xz"))
    for name in os.listdir(base):
        if name.startswith("modules."):
            vm.put(to, name, f"{base}/{name}")
    vm.run(["depmod", "-b", folder, kernel.release])


def initramfs(kernel, modules, work):
    folder = load.guest_folder(work, [f"{vm.HERE}/guest/checks.sh", f"{HERE}/guest/card.sh"])
    vm.run(["gcc", "-static", "-O1", "-o", f"{folder}/bin/uvm_exercise", f"{HERE}/uvm_exercise.c"])
    put_modules(kernel, modules, folder)
    return vm.cpio(folder)


def boot(kernel, image, options, cache):
    """Boots once. Returns the guest's output, QEMU's problem or "", and the card's log."""
    root = qemu_root(cache)
    # QEMU runs in its root: what it reads has to be in there.
    inside = tempfile.mkdtemp(prefix="vgpukit-card-", dir=f"{root.rstrip('/')}/var/tmp")
    server = None
    try:
        with open(f"{inside}/initrd", "wb") as file:
            file.write(image)
        shutil.copy(f"{kernel.image}/vmlinuz", f"{inside}/vmlinuz")
        path = lambda name: f"/var/tmp/{os.path.basename(inside)}/{name}"
        fault = ["--fault", options.fault] if options.fault else []
        server = subprocess.Popen([sys.executable, f"{HERE}/fake_card.py", f"{inside}/socket",
                                   "--log", f"{inside}/log", "--card", options.card, *fault])
        while not os.path.exists(f"{inside}/socket"):
            if server.poll() is not None:
                return "", f"the fake card ended with status {server.returncode}", ""
            time.sleep(0.05)
        argv = ["chroot", root, "qemu-system-x86_64", "-M", "q35,memory-backend=memory", "-object",
                f"memory-backend-memfd,id=memory,size={MEMORY}M,share=on", "-accel", "tcg", "-icount",
                "shift=2,sleep=off", "-cpu", "qemu64", "-m", str(MEMORY), "-smp", "1", "-nodefaults",
                "-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot",
                "-device", "intel-iommu,caching-mode=on",
                "-device", "pcie-root-port,id=root-port,bus=pcie.0,chassis=1,slot=1",
                "-device", DEVICE % path("socket"),
                "-kernel", path("vmlinuz"), "-initrd", path("initrd"),
                "-append", "console=ttyS0 oops=panic panic=-1 rdinit=/init quiet stage=card"]
        problem = ""
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=DEADLINE)
            output = done.stdout
            if done.returncode != 0:
                said = done.stdout.decode(errors="replace").strip().splitlines() or ["nothing"]
                problem = f"QEMU's exit status is {done.returncode}, and it said: {said[-1]}"
        except subprocess.TimeoutExpired as late:
            output, problem = late.stdout or b"", f"it did not end within {DEADLINE} s"
        if server.poll() not in (None, 0):
            problem = f"the fake card ended with status {server.returncode}"
        with open(f"{inside}/log") as file:
            return output.decode(errors="replace").replace("\r", ""), problem, file.read()
    finally:
        if server:
            server.kill()
            server.wait()
        shutil.rmtree(inside, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--card", default="p4", choices=CARDS)
    parser.add_argument("--fault", help="as fake_card.py --fault")
    parser.add_argument("--keep", help="a folder for the console's and the card's log")
    parser.add_argument("modules", metavar="FOLDER")
    parser.add_argument("release", metavar="RELEASE")
    parser.add_argument("root", metavar="ROOT")
    options = parser.parse_args()
    root = os.path.realpath(options.root)
    for program, package in NEEDED.items():
        if not shutil.which(program):
            load.cannot(f"there is no {program} here: install {package}")
    kernel = types.SimpleNamespace(release=options.release, image=load.image_of(root, options.release))
    with tempfile.TemporaryDirectory(prefix="vgpukit-works-") as work:
        image = initramfs(kernel, options.modules, work)
    begin = time.monotonic()
    output, problem, log = boot(kernel, image, options, os.path.dirname(os.path.dirname(root)))
    print(output, flush=True)
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
        for name, text in (("console.log", output), ("card.log", log)):
            with open(f"{options.keep}/{name}", "w") as file:
                file.write(text)
    wrong, passed = vm.check_boot("card", output, problem)
    if not wrong:
        print(f"{options.release} used the modules with a fake {CARDS[options.card].name}: {passed} checks, "
              f"{time.monotonic() - begin:.0f} s")
        return 0
    for line in wrong:
        print(line)
    print(next(load.causes(output), wrong[0]))
    return 1


if __name__ == "__main__":
    sys.exit(main())
