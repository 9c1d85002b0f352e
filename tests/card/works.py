#!/usr/bin/env python3
"""Boots a Debian kernel under QEMU with a fake NVIDIA card, and uses the modules of a folder there.

    tests/card/works.py [--card p4] [--set REGISTER=VALUE]... [--keep DIR] FOLDER RELEASE ROOT
    tests/card/works.py --fault NAME --vgpukit BINARY FOLDER RELEASE ROOT
    tests/card/works.py --tool REFERENCE --vgpukit BINARY FOLDER RELEASE ROOT

ROOT: a builder root of ci/roots.sh, with the headers of RELEASE. For `works` of a matrix file (docs/matrix-file.md).
Exit status 0: the modules load, find the card, nvidia-uvm passes its exercise, they unload, and the kernel reports no
error. 1: something of this fails, and the last line is the reason. 3: this machine or this root lacks something.

With --fault the card of fake_card.py fails, and guest/fault.sh checks what vgpukit's load and doctor say of it.

With --tool there are three cards of the same kind, and guest/tool.sh runs vgpukit's commands on them, with the modules
of FOLDER and with those of the reference driver in the folder REFERENCE.

What that proves nothing about: the chip. Nothing behind the card's registers works.
"""
import argparse, errno, glob, lzma, os, re, shutil, subprocess, sys, tempfile, time, types

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [f"{os.path.dirname(HERE)}/vm", HERE]
import load, run as vm
from cards import CARDS

# nvidia-peermem is left out: it wants an InfiniBand stack.
MODULES = ["nvidia", "nvidia-modeset", "nvidia-uvm", "nvidia-drm"]
DEADLINE = 600  # seconds for one boot; 10 to 20 are usual, on a busy machine it can be a few minutes
MEMORY = 1024   # MiB, of the guest
RUNNING = 384   # MiB of these that the kernel and the modules need besides the files of the initramfs
NEEDED = {"busybox": "busybox-static", "kmod": "kmod", "depmod": "kmod", "strip": "binutils", "gcc": "gcc"}
CARD = f"{HERE}/fake_card.py"
DEVICE = '{"driver":"vfio-user-pci","socket":{"path":"%s","type":"unix"},"bus":"port%d","multifunction":%s}'
# What guest/tool.sh needs: the ROMs of its cards, and the kernel's modules.
ROMS = ["right", "changed", "erased"]
VFIO = ["vfio_pci", "vfio_iommu_type1", "mdev", "kvm"]


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


def put_modules(kernel, modules, folder, names=MODULES, others=()):
    """Puts the built modules, others of the kernel, and all of the kernel's that these need into the guest."""
    base = f"{kernel.image}/lib/modules/{kernel.release}"
    known = {}
    for path in glob.glob(f"{base}/**/*.ko*", recursive=True):
        known[re.sub(r"\.ko(\.[a-z0-9]+)?$", "", os.path.basename(path)).replace("-", "_")] = path
    if not os.path.exists(f"{base}/modules.builtin"):
        load.cannot(f"{kernel.image} has no modules of {kernel.release}")
    with open(f"{base}/modules.builtin") as file:
        builtin = {os.path.basename(line.strip()).removesuffix(".ko").replace("-", "_") for line in file}
    to = f"{folder}/lib/modules/{kernel.release}"
    todo, done = list(others), set()
    for name in names:
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


def initramfs(kernel, options, work):
    scripts = [f"{vm.HERE}/guest/checks.sh", *sorted(glob.glob(f"{HERE}/guest/*.sh"))]
    folder = load.guest_folder(work, scripts)
    if options.vgpukit:
        vm.put_program(folder, "/usr/bin/vgpukit", options.vgpukit)
    else:
        vm.run(["gcc", "-static", "-O1", "-o", f"{folder}/bin/uvm_exercise", f"{HERE}/uvm_exercise.c"])
    if options.tool:
        vm.run(["gcc", "-static", "-O1", "-o", f"{folder}/bin/vfio_client", f"{vm.HERE}/vfio_client.c"])
        for path in glob.glob(f"{options.tool}/*.ko"):
            vm.put_stripped(folder, f"/modules/reference/{os.path.basename(path)}", path)
    put_modules(kernel, options.modules, folder, others=VFIO if options.tool else ())
    image = vm.cpio(folder)
    # The guest has the archive and the unpacked files in memory at the same time.
    if 2 * len(image) > (MEMORY - RUNNING) << 20:
        load.cannot(f"the guest's files are {len(image) >> 20} MiB: too much for a guest with {MEMORY} MiB of memory")
    return image


def fake_card(inside, port, multifunction="false"):
    """The words of QEMU's command for a root port and the fake card behind it."""
    # At 5 GT/s the kernel asks the card itself whether it is back from a reset; QEMU's link never says so.
    return ["-device", f"pcie-root-port,id=port{port},bus=pcie.0,chassis={port},slot={port},x-speed=5",
            "-device", DEVICE % (f"/var/tmp/{os.path.basename(inside)}/socket{port}", port, multifunction)]


def qemu(root, inside, append, devices, memory=MEMORY):
    """QEMU's command. It runs in its root: all that it reads is in the folder `inside` of that root."""
    path = lambda name: f"/var/tmp/{os.path.basename(inside)}/{name}"
    return ["chroot", root, "qemu-system-x86_64", "-M", "q35,memory-backend=memory", "-object",
            f"memory-backend-memfd,id=memory,size={memory}M,share=on", "-accel", "tcg", "-icount",
            "shift=2,sleep=off", "-cpu", "qemu64", "-m", str(memory), "-smp", "1", "-nodefaults",
            "-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot",
            "-device", "intel-iommu,caching-mode=on", *devices, "-kernel", path("vmlinuz"), "-initrd", path("initrd"),
            "-append", f"{append} console=ttyS0 oops=panic panic=-1"]


def dead(servers):
    """What is known of a card that ended, or ""."""
    return next((f"the fake card ended with status {server.returncode}" for server in servers if server.poll()), "")


def problem_of(guest, servers, deadline):
    """Waits for the guest's end. Why it did not end well, or ""."""
    while guest.poll() is None:
        if problem := dead(servers):
            return problem
        if time.monotonic() > deadline:
            return f"it did not end within {DEADLINE} s"
        time.sleep(0.1)
    return f"QEMU's exit status is {guest.returncode}" if guest.returncode != 0 else ""


def boot(kernel, image, options, cache, words, roms=(None,), devices=()):
    """Boots once, with a card for each of `roms`. Returns the guest's output, the problem or "", and the cards' log."""
    root = qemu_root(cache)
    inside = tempfile.mkdtemp(prefix="vgpukit-card-", dir=f"{root.rstrip('/')}/var/tmp")
    servers, guest = [], None
    try:
        with open(f"{inside}/initrd", "wb") as file:
            file.write(image)
        shutil.copy(f"{kernel.image}/vmlinuz", f"{inside}/vmlinuz")
        fault = ["--fault", options.fault] if options.fault else []
        registers = [word for pair in options.set for word in ("--set", pair)]
        for n, rom in enumerate(roms, 1):
            servers.append(subprocess.Popen([sys.executable, CARD, f"{inside}/socket{n}", "--log", f"{inside}/log{n}",
                                             "--card", options.card, *fault, *registers,
                                             *(["--rom", rom] if rom else [])]))
            while not os.path.exists(f"{inside}/socket{n}"):
                if problem := dead(servers):
                    return "", problem, ""
                time.sleep(0.05)
        with open(f"{inside}/console", "wb") as console:
            cards = [word for n in range(1, len(servers) + 1) for word in fake_card(inside, n)]
            guest = subprocess.Popen(qemu(root, inside, f"rdinit=/init quiet stage={words}", [*cards, *devices]),
                                     stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT)
            problem = problem_of(guest, servers, time.monotonic() + DEADLINE)
        log = ""
        for n in range(1, len(servers) + 1):
            with open(f"{inside}/log{n}") as file:
                log += file.read()
        with open(f"{inside}/console", errors="replace") as console:
            output = console.read().replace("\r", "")
        last = (output.strip().splitlines() or ["nothing"])[-1]
        if guest.returncode and not re.search("^(not )?ok ", output, re.M):
            load.cannot(f"QEMU cannot start the guest: {last}")
        return output, f"{problem}; the last line was: {last}" if problem else "", log
    finally:
        for process in (guest, *servers):
            if process:
                process.kill()
                process.wait()
        shutil.rmtree(inside, ignore_errors=True)


def keep(folder, output, log):
    """Writes the console's and the card's log, if there is a folder for them."""
    if folder:
        os.makedirs(folder, exist_ok=True)
        for name, text in (("console.log", output), ("card.log", log)):
            with open(f"{folder}/{name}", "w") as file:
                file.write(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--card", default="p4", choices=CARDS)
    parser.add_argument("--set", action="append", default=[], help="as fake_card.py --set")
    parser.add_argument("--fault", help="as fake_card.py --fault")
    parser.add_argument("--tool", metavar="REFERENCE", help="a folder with the reference driver's modules")
    parser.add_argument("--vgpukit", help="the program that --fault and --tool run")
    parser.add_argument("--keep", help="a folder for the console's and the card's log")
    parser.add_argument("modules", metavar="FOLDER")
    parser.add_argument("release", metavar="RELEASE")
    parser.add_argument("root", metavar="ROOT")
    options = parser.parse_args()
    if [bool(options.fault), bool(options.tool)].count(True) != bool(options.vgpukit):
        parser.error("--vgpukit goes with one of --fault and --tool")
    stage = "fault" if options.fault else "tool" if options.tool else "card"
    root = os.path.realpath(options.root)
    for program, package in NEEDED.items():
        if not shutil.which(program):
            load.cannot(f"there is no {program} here: install {package}")
    kernel = types.SimpleNamespace(release=options.release, image=load.image_of(root, options.release))
    begin = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="vgpukit-works-") as work:
            image = initramfs(kernel, options, work)
        words = f"{stage} fault={options.fault}" if options.fault else stage
        output, problem, log = boot(kernel, image, options, os.path.dirname(os.path.dirname(root)), words,
                                    ROMS if options.tool else (None,))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        load.cannot("no space is left for the guest's files: they need some hundred MiB in "
                    f"{tempfile.gettempdir()}, and in /var/tmp of the root that has QEMU")
    print(output, flush=True)
    keep(options.keep, output, log)
    wrong, passed = vm.check_boot(stage, output, problem)
    if not wrong:
        did = {"fault": f"saw the fault {options.fault} of", "card": "used the modules with",
               "tool": f"ran vgpukit's commands on {len(ROMS)} cards, each"}[stage]
        print(f"{options.release} {did} a fake {CARDS[options.card].name}: {passed} checks, "
              f"{time.monotonic() - begin:.0f} s")
        return 0
    for line in wrong:
        print(line)
    crash = re.search(r"(kernel BUG at|BUG:|Oops:|Kernel panic).*", output)
    print(next(load.causes(output), crash[0] if crash else wrong[0]))
    return 1


if __name__ == "__main__":
    sys.exit(main())
