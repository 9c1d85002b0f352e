#!/usr/bin/env python3
"""Boots an installed kernel with its own initramfs and fake NVIDIA cards, and looks which drivers the cards have.

    tests/card/boots.py VMLINUZ INITRAMFS CMDLINE WANTED...

For `vgpukit passthrough`. CMDLINE is the line of the boot menu. WANTED is ADDRESS=DRIVER: the driver that this card
must have when all of the initramfs's drivers are loaded. There is a fake card at 0000:01:00.0, at 0000:02:00.0, and so
on for each such address, and a serial port (whose driver is built into Debian's kernels) at each 0000:0N:00.1. vfio-pci
must have made a file in /dev/vfio, and no other driver may have touched the card's registers.

A second archive behind the initramfs adds the files that look: guest/boot.sh and a busybox, which a script of the
initramfs (of initramfs-tools or dracut) starts. The first archive and the command line stay as they are, but for the
serial console. There is no root file system: the machine is switched off before it would be mounted.

Exit status 0: it is so. 1: it is not, and the last line is the reason. 3: this machine lacks something.
"""
import argparse, os, re, shutil, subprocess, sys, tempfile, time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [f"{os.path.dirname(HERE)}/vm", HERE]
import load, run as vm, works

MEMORY = 2048  # MiB, of the guest: an initramfs that fits all machines is large
# Files that the initramfs's own scripts read: of initramfs-tools, and of dracut. dracut's udev may still be loading
# drivers then.
HOOKS = ["scripts/init-premount/ORDER", "var/lib/dracut/hooks/pre-mount/00-look.sh"]


def second_archive(initramfs, wanted):
    """The initramfs with the files that look at the cards."""
    with tempfile.TemporaryDirectory(prefix="vgpukit-boots-") as folder:
        vm.put(folder, "/look/busybox", shutil.which("busybox"), 0o755)
        for name in vm.BUSYBOX:
            os.symlink("busybox", f"{folder}/look/{name}")
        for script in (f"{vm.HERE}/guest/checks.sh", f"{HERE}/guest/boot.sh"):
            vm.put(folder, f"/look/{os.path.basename(script)}", script, 0o644)
        for hook in HOOKS:
            os.makedirs(os.path.dirname(f"{folder}/{hook}"), exist_ok=True)
            with open(f"{folder}/{hook}", "w") as file:
                file.write(f"udevadm settle; exec /look/sh /look/boot.sh {' '.join(wanted)} >/dev/console 2>&1\n")
            os.chmod(f"{folder}/{hook}", 0o755)
        return initramfs + bytes(-len(initramfs) % 4) + vm.cpio(folder)


def devices(inside, addresses):
    """The fake cards behind their root ports (behind the first one is bus 1, and so on), and the serial ports."""
    words = []
    for address in addresses:
        port = int(address[5:7], 16)
        words += (works.fake_card(inside, port, "true") if address.endswith(".0") else
                  ["-device", f"pci-serial,bus=port{port},addr=0.1"])
    return words


def boot(options, image, cache):
    """Boots once. Returns the guest's output, the problem or "", and each card's log."""
    root = works.qemu_root(cache)
    inside = tempfile.mkdtemp(prefix="vgpukit-card-", dir=f"{root.rstrip('/')}/var/tmp")
    servers, guest = [], None
    try:
        with open(f"{inside}/initrd", "wb") as file:
            file.write(image)
        shutil.copy(options.vmlinuz, f"{inside}/vmlinuz")
        for port in options.ports:
            servers.append(subprocess.Popen([sys.executable, works.CARD, f"{inside}/socket{port}", "--log",
                                             f"{inside}/log{port}"]))
            while not os.path.exists(f"{inside}/socket{port}"):
                if problem := works.dead(servers):
                    return "", problem, {}
                time.sleep(0.05)
        with open(f"{inside}/console", "wb") as console:
            command = works.qemu(root, inside, options.cmdline, devices(inside, options.addresses), MEMORY)
            guest = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT)
            problem = works.problem_of(guest, servers, time.monotonic() + works.DEADLINE)
        logs = {}
        for port in options.ports:
            with open(f"{inside}/log{port}") as log:
                logs[f"0000:{port:02x}:00.0"] = log.read()
        with open(f"{inside}/console", errors="replace") as console:
            return console.read().replace("\r", ""), problem, logs
    finally:
        for process in filter(None, (guest, *servers)):
            process.kill()
            process.wait()
        shutil.rmtree(inside, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vmlinuz", metavar="VMLINUZ")
    parser.add_argument("initramfs", metavar="INITRAMFS")
    parser.add_argument("cmdline", metavar="CMDLINE")
    parser.add_argument("wanted", metavar="WANTED", nargs="+")
    options = parser.parse_args()
    if not all(re.fullmatch(r"0000:0[1-9]:00\.[01]=[\w-]+", word) for word in options.wanted):
        parser.error("WANTED is, for example, 0000:01:00.0=vfio-pci")
    wanted = dict(word.split("=") for word in options.wanted)
    options.addresses = sorted(wanted)
    options.ports = [int(address[5:7], 16) for address in options.addresses if address.endswith(".0")]
    if not shutil.which("busybox"):
        load.cannot("there is no busybox here: install busybox-static")
    begin = time.monotonic()
    with open(options.initramfs, "rb") as file:
        image = second_archive(file.read(), options.wanted)
    output, problem, logs = boot(options, image, os.environ.get("VGPUKIT_CI_CACHE", "/var/cache/vgpukit-ci"))
    wrong, passed = vm.check_boot("boot", output, problem)
    for address, log in logs.items():
        touched = re.search(r"(read|write) +bar\d.*", log)
        if wanted[address] == "vfio-pci" and touched:
            wrong.append(f"boot: a driver had {address} before vfio-pci: {touched[0]}")
    if wrong:
        print(output)
    for line in wrong or [f"{' '.join(options.wanted)}: {passed} checks, {time.monotonic() - begin:.0f} s"]:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
