#!/usr/bin/env python3
"""Boots Debian's kernels under QEMU's software emulation; vgpukit loads the reference driver there and creates vGPUs.

    tests/vm/run.py --vgpukit BINARY [--only 6.12] [--keep DIR]

Each kernel is booted four times. The second and the third boot are "reboots": they find the files that the one before
left in /etc. The fourth machine ("bare") has no IOMMU. guest/*.sh run in the guest; a check there prints "ok NAME" or
"not ok NAME". A guest that hangs, panics or stops early does not print its last line, and so fails.
"""
import argparse, base64, concurrent.futures, io, json, lzma, os, re, shutil, stat, subprocess, sys
import tarfile, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True
sys.path.insert(0, f"{TOP}/tests/tools")
from root_kernels import pick

KERNELS = [("bookworm", "6.1"), ("trixie", "6.12"), ("trixie", "newest")]
DEADLINE = 900  # seconds for one boot; 10 to 20 are usual, on a busy machine it can be a few minutes
# icount: the guest's clock counts its instructions, and jumps while it sleeps. With a real-time clock a guest on a busy
# machine loses timer interrupts, and RCU reports stalls.
QEMU = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-icount", "shift=2,sleep=off", "-cpu", "qemu64",
        "-m", "768", "-smp", "1", "-nodefaults", "-display", "none", "-serial", "stdio", "-monitor", "none",
        "-no-reboot", "-device", "edu", "-device", "e1000e"]
IOMMU = ["-device", "intel-iommu"]
# A card with virtual functions: QEMU's nvme, which needs a subsystem and a root port of its own for that.
NVME = ["-device", "pcie-root-port,id=sriov,bus=pcie.0,chassis=1,slot=1", "-device", "nvme-subsys,id=subsys",
        "-device", "nvme,serial=1,subsys=subsys,bus=sriov,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2,"
                   "max_ioqpairs=6,msix_qsize=7"]
STAGES = {"first": IOMMU + NVME, "second": IOMMU + NVME, "third": IOMMU + NVME, "bare": []}
PROGRAMS = ["kmod", "mdevctl"]
# As in ci/common.sh: in a chroot whose / is not a mount point, mounts cannot be made private.
PRIVATE = subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode == 0
OWN_MOUNTS = ["unshare", "--mount"] + ([] if PRIVATE else ["--propagation", "unchanged"])
NEWER_MDEVCTL = "trixie"  # has 1.4; Debian 12 has 1.2
BUSYBOX = """sh cat cut cp rm ls ln mkdir mount umount grep sed head tail tr wc sort sleep dmesg mknod poweroff tar
    base64 basename readlink kill ps env test true false find uname chmod printf seq touch tee date rmdir mv expr
    ip awk""".split()
KMOD = "insmod rmmod lsmod modprobe modinfo depmod".split()


def run(argv, **options):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(argv)}\n{done.stdout}\nexit status {done.returncode}")
    return done.stdout


def put(folder, path, source, mode=None):
    to = f"{folder}/{path.lstrip('/')}"
    os.makedirs(os.path.dirname(to), exist_ok=True)
    shutil.copy(source, to)
    if mode is not None:
        os.chmod(to, mode)


def put_stripped(folder, path, source):
    """Without symbols and debug information: the guest's memory is small, and the emulated processor is slow."""
    put(folder, path, source, 0o755)
    run(["strip", "--strip-debug" if path.endswith(".ko") else "--strip-unneeded", f"{folder}/{path.lstrip('/')}"])


def put_without_icu_data(folder, path, source):
    """Puts a library with an empty symbol in place of libicudata.

    libarchive needs libxml2, which needs ICU, which has 31 MB of language data. The guest reads no archives that use
    it; the loader needs only the library and its one symbol.
    """
    to = f"{folder}/{path.lstrip('/')}"
    symbol = "icudt" + re.search(r"libicudata\.so\.(\d+)", path).group(1) + "_dat"
    run(["gcc", "-shared", "-nostdlib", f"-Wl,-soname,{os.path.basename(path)}", "-xc", "-o", to, "-"],
        input=f"const char {symbol}[64] __attribute__((aligned(16))) = {{0}};")


def put_program(folder, path, source):
    """A program with the libraries that ldd names, in the folders where it looks for them."""
    put_stripped(folder, path, source)
    for line in run(["ldd", source]).splitlines():
        for word in line.split():
            if "/libicudata.so." in word and word.startswith("/"):
                put_without_icu_data(folder, word, source)
            elif word.startswith("/"):
                put_stripped(folder, word, os.path.realpath(word))


def put_newer_mdevctl(folder):
    """mdevctl of a newer Debian, with the C library and loader of that Debian."""
    root = run_quietly([f"{TOP}/ci/roots.sh", NEWER_MDEVCTL]).split()[1]
    package = run_quietly([f"{TOP}/ci/package.sh", NEWER_MDEVCTL, "mdevctl"]).strip()
    put_stripped(folder, "/opt/mdevctl/mdevctl", f"{package}/usr/bin/mdevctl")
    for name in ("ld-linux-x86-64.so.2", "libc.so.6", "libgcc_s.so.1"):
        put_stripped(folder, f"/opt/mdevctl/{name}", os.path.realpath(f"{root}/usr/lib/x86_64-linux-gnu/{name}"))
    with open(f"{folder}/usr/bin/mdevctl14", "w") as script:
        script.write('#!/bin/sh\nexec /opt/mdevctl/ld-linux-x86-64.so.2 --library-path /opt/mdevctl '
                     '/opt/mdevctl/mdevctl "$@"\n')
    os.chmod(f"{folder}/usr/bin/mdevctl14", 0o755)


def cpio(folder):
    """The folder in the format of an initramfs: cpio's "newc"."""
    out = io.BytesIO()

    def entry(name, mode, data):
        name = name.encode() + b"\0"
        fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0]
        out.write(b"070701" + b"".join(b"%08X" % field for field in fields) + name)
        out.write(b"\0" * (-out.tell() % 4) + data)
        out.write(b"\0" * (-out.tell() % 4))

    for top, folders, files in os.walk(folder):
        for name in sorted(folders + files):
            path = f"{top}/{name}"
            mode = os.lstat(path).st_mode
            data = b""
            if stat.S_ISLNK(mode):
                data = os.readlink(path).encode()
            elif stat.S_ISREG(mode):
                with open(path, "rb") as file:
                    data = file.read()
            entry(os.path.relpath(path, folder), mode, data)
    entry("TRAILER!!!", 0, b"")
    return out.getvalue()


class Kernel:
    def __init__(self, suite, version):
        rows = [line.split() for line in run_quietly([f"{TOP}/ci/roots.sh", suite]).splitlines()]
        self.version, self.suite, self.root = version, suite, rows[0][1]
        self.release = pick(suite, [row[2] for row in rows], version)
        self.image = run_quietly([f"{TOP}/ci/images.sh", suite, self.release]).strip()


def run_quietly(argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


def build_modules(kernel, vgpukit, work):
    """Builds the reference driver twice: with all recipes, and without the recipe that lets symbol_get() work."""
    if os.path.isdir(f"{work}/plain"):  # --keep: from the last run
        return
    env = dict(os.environ, VGPUKIT_DATA=TOP, VGPUKIT_STATE=f"{work}/state", VGPUKIT_CACHE=f"{work}/cache")
    common = [vgpukit, "-q", "build", "reference", "--root", kernel.root, "--kernel", kernel.release, "--output"]
    run(common + [f"{work}/gpl", "--accept", "gpl-export"], env=env)
    # vgpukit's verification refuses these modules and would not deliver them, so make builds them from a patched tree.
    tree = f"{kernel.root}/var/tmp/vgpukit-vm-{os.getpid()}-{kernel.version}"
    try:
        run([vgpukit, "-q", "patch", "reference", "--root", kernel.root, "--kernel", kernel.release, "--output", tree,
             "--without", "6.6-symbol-get-gpl-only"], env=env)
        inside = tree[len(kernel.root):]
        # objtool from 7.2 on needs /proc: it is mounted in the root for this command only.
        run([*OWN_MOUNTS, "sh", "-ec", 'mount -t proc proc "$1/proc"; exec chroot "$@"', "sh", kernel.root,
             "make", "-s", "-C", inside, f"KERNEL_UNAME={kernel.release}", "modules"])
        for name in os.listdir(tree):
            if name.endswith(".ko"):
                put(f"{work}/plain", name, f"{tree}/{name}")
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def kernel_modules(kernel, folder):
    """Puts the kernel's modules uncompressed into the folder, so that the guest's programs can read all of them."""
    to = f"{folder}/lib/modules/{kernel.release}"
    wanted = re.compile(r"/(vfio|vfio_iommu_type1|vfio_virqfd|mdev|vfio-pci-core|vfio-pci|irqbypass|kvm|iommufd"
                        r"|pci-pf-stub|e1000e)\.ko(\.xz)?$")
    source = f"{kernel.image}/lib/modules/{kernel.release}"
    for top, _, files in os.walk(source):
        for name in files:
            path = f"{top}/{name}"
            target = f"{to}/{os.path.relpath(path, source)}"
            if name.startswith("modules."):
                put(to, name, path)
            elif wanted.search(path):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(path, "rb") as packed, open(target.removesuffix(".xz"), "wb") as out:
                    data = packed.read()
                    out.write(lzma.decompress(data) if path.endswith(".xz") else data)
    run(["depmod", "-b", folder, kernel.release])


def make_initramfs(kernel, options, work):
    folder = f"{work}/guest"
    for name in ("proc", "sys", "dev", "run", "tmp", "etc/modprobe.d", "etc/mdevctl.d/scripts.d/callouts",
                 "etc/mdevctl.d/scripts.d/notifiers", "usr/lib/mdevctl/scripts.d/callouts",
                 "usr/lib/mdevctl/scripts.d/notifiers"):
        os.makedirs(f"{folder}/{name}", exist_ok=True)
    busybox = shutil.which("busybox")
    put(folder, "/bin/busybox", busybox, 0o755)
    for name in BUSYBOX:
        os.symlink("busybox", f"{folder}/bin/{name}")
    for name in PROGRAMS:
        put_program(folder, f"/usr/bin/{name}", os.path.realpath(shutil.which(name)))
    os.makedirs(f"{folder}/sbin")
    for name in KMOD:
        os.symlink("/usr/bin/kmod", f"{folder}/sbin/{name}")
    put_newer_mdevctl(folder)
    put_program(folder, "/usr/bin/vgpukit", options.vgpukit)
    put(folder, "/usr/bin/vfio_client", options.client, 0o755)
    for name in os.listdir(f"{HERE}/guest"):
        put(folder, f"/{name}" if name == "init" else f"/guest/{name}", f"{HERE}/guest/{name}", 0o755)
    for kind in ("gpl", "plain"):
        for name in os.listdir(f"{work}/{kind}"):
            if name.endswith(".ko"):
                put_stripped(folder, f"/modules/{kind}/{name}", f"{work}/{kind}/{name}")
    kernel_modules(kernel, folder)
    put(folder, f"/boot/config-{kernel.release}", f"{kernel.root}/usr/src/linux-headers-{kernel.release}/.config")
    return cpio(folder)


def boot(kernel, stage, initramfs, work, devices=()):
    """Boots once, with additional devices (arguments of QEMU). Returns the guest's output, and QEMU's problem or ""."""
    image = f"{work}/{stage}.cpio"
    with open(image, "wb") as file:
        file.write(initramfs)
    command = QEMU + list(devices) + ["-kernel", f"{kernel.image}/vmlinuz", "-initrd", image,
                                      "-append", f"console=ttyS0 panic=-1 rdinit=/init quiet stage={stage}"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=DEADLINE)
        problem = "" if done.returncode == 0 else f"QEMU's exit status is {done.returncode}"
        return done.stdout.decode(errors="replace").replace("\r", ""), problem
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode(errors="replace").replace("\r", ""), f"it did not end within {DEADLINE} s"


def carried(output, work):
    """The files that the guest expects after its reboot, as a second initramfs that is unpacked over the first."""
    lines = re.findall(r"^carry ([A-Za-z0-9+/=]+)$", output, re.M)
    folder = f"{work}/carried"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode("".join(lines)))) as tar:
        tar.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)  # Python 3.14 wants one; 3.11.2 has none
        tar.extractall(folder)
    return cpio(folder)


def check_boot(stage, output, problem):
    """The failures of one boot, and how many of its checks passed."""
    passed = re.findall(r"^ok (.*)$", output, re.M)
    wrong = [f"{stage}: {name}" for name in re.findall(r"^not ok (.*)$", output, re.M)]
    ends = re.findall(r"^end of (\w+): (\d+) checks$", output, re.M)
    if problem:
        wrong.append(f"{stage}: {problem}")
    if ends != [(stage, str(len(passed) + len(re.findall(r'^not ok ', output, re.M))))]:
        wrong.append(f"{stage}: the guest stopped early, or lines of its output are missing "
                     f"({ends}, {len(passed)} passed)")
    if re.search(r"Kernel panic|\bBUG: |\bOops: |WARNING: CPU", output):
        wrong.append(f"{stage}: the kernel reported an error; see its messages")
    return wrong, len(passed)


def valid_xml(output, work):
    """Validates the XML that vgpukit printed with libvirt's own schemas."""
    wrong, count = [], 0
    for kind, text in re.findall(r"^xml (\w+)\n(.*?)^end of xml$", output, re.M | re.S):
        path = f"{work}/{kind}-{count}.xml"
        if kind == "hostdev":  # the schema describes whole domains, so the device is put into a minimal one
            text = ("<domain type='qemu'><name>x</name><memory>65536</memory><os><type>hvm</type></os><devices>" + text
                    + "</devices></domain>")
        with open(path, "w") as file:
            file.write(text)
        done = subprocess.run(["virt-xml-validate", path, "domain" if kind == "hostdev" else kind],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        count += 1
        if done.returncode != 0:
            wrong.append(f"libvirt does not accept the {kind} XML: {done.stdout.strip()}\n{text}")
    return wrong, count


def true_json(stage, output):
    """Evaluates the guest's Python expressions over vgpukit's JSON. The guest has no Python."""
    wrong, count = [], 0
    for name, expression, text in re.findall(r"^json (.*?)\n(.*?)\n(.*?)^end of json$", output, re.M | re.S):
        try:
            good = eval(expression, {}, {"j": json.loads(text)})
        except Exception as error:
            good, text = False, f"{text}\n{error!r}"
        count += 1
        if good is not True:
            wrong.append(f"{stage}: {name}: not true: {expression}\n{text}")
    return wrong, count


def test_kernel(kernel, options, work):
    start = time.monotonic()
    os.makedirs(work, exist_ok=True)
    shutil.rmtree(f"{work}/guest", ignore_errors=True)
    build_modules(kernel, options.vgpukit, work)
    initramfs = make_initramfs(kernel, options, work)
    built = time.monotonic() - start
    wrong, count, log, extra, times = [], 0, "", b"", []
    for stage in STAGES:
        begin = time.monotonic()
        output, problem = boot(kernel, stage, initramfs + extra, work, STAGES[stage])
        times.append(f"{time.monotonic() - begin:.0f} s")
        log += f"===== {stage} boot\n{output}"
        with open(f"{work}/{stage}.log", "w") as file:
            file.write(output)
        bad, passed = check_boot(stage, output, problem)
        wrong, count = wrong + bad, count + passed
        bad, asked = true_json(stage, output)
        wrong, count = wrong + bad, count + asked
        if wrong:
            break
        if stage == "first":
            bad, documents = valid_xml(output, work)
            wrong, count = wrong + bad, count + documents
            if documents == 0:
                wrong.append("first: no XML was printed")
        if stage in ("first", "second"):
            extra = carried(output, work)
    print(f"{'FAIL' if wrong else 'ok  '} {kernel.release}: {count} checks, {built:.0f} s to build, "
          f"boots {', '.join(times)}", flush=True)
    for line in wrong:
        print("       " + line, flush=True)
    if wrong:
        log = re.sub(r"^carry .*\n", "", log, flags=re.M)
        print("       " + log[-16000:].replace("\n", "\n       "), flush=True)
    return not wrong


def check_programs():
    """Everything that this machine lacks, at once and before anything is built."""
    needs = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "gcc": "gcc", "strip": "binutils",
             "debootstrap": "debootstrap", "virt-xml-validate": "libvirt-clients", "xmllint": "libxml2-utils",
             **{program: program for program in PROGRAMS}}
    missing = [program for program in needs if not shutil.which(program)]
    if missing:
        sys.exit(f"{sys.argv[0]}: missing here: {', '.join(missing)}\n"
                 f"-> apt install {' '.join(sorted({needs[program] for program in missing}))}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vgpukit", required=True, help="the binary under test")
    parser.add_argument("--only", default="", help="only the kernel of this version: 6.1, 6.12 or newest")
    parser.add_argument("--keep", help="a folder for modules and logs that is not deleted; its modules are used again")
    options = parser.parse_args()
    check_programs()
    options.vgpukit = os.path.abspath(options.vgpukit)
    base = options.keep or tempfile.mkdtemp(prefix="vgpukit-vm-")
    os.makedirs(base, exist_ok=True)
    options.client = f"{base}/vfio_client"
    try:
        run(["gcc", "-static", "-O1", "-Wall", "-Wextra", "-Werror", "-o", options.client, f"{HERE}/vfio_client.c"])
        kernels = [Kernel(*each) for each in KERNELS if options.only in ("", each[1])]
        # QEMU's emulation uses one thread for each guest.
        with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            passed = sum(pool.map(lambda kernel: test_kernel(kernel, options, f"{base}/{kernel.version}"), kernels))
    finally:
        if not options.keep:
            shutil.rmtree(base, ignore_errors=True)
    print(f"vm: {passed} of {len(kernels)} kernels passed")
    return 0 if kernels and passed == len(kernels) else 1


if __name__ == "__main__":
    sys.exit(main())
