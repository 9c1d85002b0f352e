#!/usr/bin/env python3
"""works.py on machines that lack something, and with guests and cards that fail. It boots nothing, but needs root."""
import contextlib, io, os, shutil, subprocess, sys, tempfile, types, unittest
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import works

RELEASE = "6.1.0-test"


class WorksTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="vgpukit-works-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.modules = f"{self.folder}/modules"
        self.root = f"{self.folder}/qemu"
        for path in (self.modules, f"{self.folder}/image/lib/modules/{RELEASE}", f"{self.root}/var/tmp",
                     f"{self.root}/bin", f"{self.root}/usr/bin"):
            os.makedirs(path)
        self.put("image/vmlinuz", "")
        self.kernel = types.SimpleNamespace(release=RELEASE, image=f"{self.folder}/image")

    def put(self, name, text, mode=0o644):
        with open(f"{self.folder}/{name}", "w") as file:
            file.write(text)
        os.chmod(f"{self.folder}/{name}", mode)

    def qemu(self, script):
        """A root with a QEMU that is this script. It knows vfio-user-pci unless the script says otherwise."""
        shutil.copy(shutil.which("busybox"), f"{self.root}/bin/busybox")
        self.put("qemu/usr/bin/qemu-system-x86_64", "#!/bin/busybox sh\n" + script, 0o755)

    def main(self, *changes):
        """main() with these changes: its status and what it printed."""
        printed = io.StringIO()
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.redirect_stdout(printed))
            stack.enter_context(mock.patch.object(sys, "argv", ["works.py", self.modules, RELEASE, self.folder]))
            stack.enter_context(mock.patch.object(works.load, "image_of", lambda root, release: self.kernel.image))
            defaults = {"initramfs": lambda *_: b"", "qemu_root": lambda _: self.root}
            for name, value in (defaults | dict(changes)).items():
                stack.enter_context(mock.patch.object(works, name, value))
            try:
                status = works.main()
            except SystemExit as end:
                status = end.code
        return status, printed.getvalue()

    def test_a_qemu_without_vfio_user(self):
        self.qemu("echo 'name \"vfio-pci\", bus PCI'\n")
        self.assertFalse(works.has_vfio_user(self.root))
        found = types.SimpleNamespace(returncode=0, stdout=self.root + "\n", stderr="")
        real = subprocess.run
        run = lambda argv, **options: found if argv[0].endswith("ci/qemu.sh") else real(argv, **options)
        absent = lambda root: False
        with mock.patch.object(works.subprocess, "run", run):
            status, said = self.main(("qemu_root", works.qemu_root), ("has_vfio_user", absent))
        self.assertEqual(status, 3)
        self.assertIn(f"the QEMU in {self.root} has no device vfio-user-pci: QEMU 10.1 or later is needed", said)

    def test_no_qemu_can_be_installed(self):
        failed = types.SimpleNamespace(returncode=3, stdout="", stderr="a line\nerror: run ci/qemu.sh as root\n")
        with mock.patch.object(works.subprocess, "run", lambda *_, **__: failed):
            status, said = self.main(("qemu_root", works.qemu_root), ("has_vfio_user", lambda root: False))
        self.assertEqual(status, 3)
        self.assertTrue(said.endswith("no QEMU with vfio-user: error: run ci/qemu.sh as root\n"), said)

    def test_a_guest_that_hangs(self):
        self.qemu("echo 'ok load nvidia'; echo '[ 12.0] nvidia: waiting'; exec /bin/busybox sleep 600\n")
        status, said = self.main(("DEADLINE", 1))
        self.assertEqual(status, 1)
        self.assertIn("ok load nvidia\n", said)
        self.assertTrue(said.endswith("card: it did not end within 1 s; "
                                      "the last line was: [ 12.0] nvidia: waiting\n"), said)
        self.assertEqual(os.listdir(f"{self.root}/var/tmp"), [])

    def test_a_card_that_dies(self):
        self.qemu("echo 'ok load nvidia'; exec /bin/busybox sleep 600\n")
        self.put("card.py", "import socket, sys, time\nopen(sys.argv[3], 'w')\n"
                 "socket.socket(socket.AF_UNIX).bind(sys.argv[1])\ntime.sleep(1)\nsys.exit('KeyError: 7')\n")
        status, said = self.main(("CARD", f"{self.folder}/card.py"))
        self.assertEqual(status, 1)
        self.assertIn("card: the fake card ended with status 1; the last line was: ok load nvidia\n", said)
        self.assertEqual(os.listdir(f"{self.root}/var/tmp"), [])

    def test_a_qemu_that_does_not_start(self):
        self.qemu("echo 'qemu: cannot set up guest memory: Cannot allocate memory'; exit 1\n")
        status, said = self.main()
        self.assertEqual(status, 3)
        self.assertTrue(said.endswith("QEMU cannot start the guest: "
                                      "qemu: cannot set up guest memory: Cannot allocate memory\n"), said)

    def test_a_bug_of_the_kernel_is_the_reason(self):
        self.qemu("echo 'ok load nvidia'; echo '[    9.5] kernel BUG at mm/memory.c:2555!'\n"
                  "echo 'Kernel panic - not syncing: Fatal exception'\n")
        status, said = self.main()
        self.assertEqual(status, 1)
        self.assertTrue(said.endswith("\nkernel BUG at mm/memory.c:2555!\n"), said)

    def test_what_the_guest_says_of_a_failed_check_is_the_reason(self):
        self.qemu("printf 'ok load nvidia\\nnot ok load nvidia-uvm\\n  exit status 1\\n  | Killed\\n'\n"
                  "echo 'Kernel panic - not syncing: Fatal exception'\n")
        status, said = self.main()
        self.assertEqual(status, 1)
        self.assertTrue(said.endswith("load nvidia-uvm: Killed\n"), said)

    def test_modules_of_a_kernel_that_are_not_there(self):
        status, said = self.main(("initramfs", works.initramfs))
        self.assertEqual(status, 3)
        self.assertTrue(said.endswith(f"{self.kernel.image} has no modules of {RELEASE}\n"), said)

    def test_a_module_that_is_needed_and_not_unpacked(self):
        self.put(f"image/lib/modules/{RELEASE}/modules.builtin", "kernel/drivers/i2c/i2c-core.ko\n")
        self.put("modules/nvidia.ko", "")
        with mock.patch.object(works.vm, "put_stripped"):
            status, said = self.main(("initramfs", works.initramfs), ("depends", lambda path: ["i2c_core", "drm_ttm"]))
        self.assertEqual(status, 3)
        self.assertTrue(said.endswith("the modules depend on drm_ttm, which ci/images.sh does not unpack\n"), said)

    def test_modules_that_are_too_large_for_the_guest(self):
        with mock.patch.object(works.vm, "cpio", lambda folder: bytes(400 << 20)):
            status, said = self.main(("initramfs", works.initramfs), ("put_modules", mock.Mock()))
        self.assertEqual(status, 3)
        self.assertTrue(said.endswith("the guest's files are 400 MiB: "
                                      "too much for a guest with 1024 MiB of memory\n"), said)

    def test_no_space_for_the_guests_files(self):
        self.qemu("")
        small = f"{self.root}/var/tmp"
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=True)
        self.addCleanup(subprocess.run, ["umount", small], check=True)
        status, said = self.main(("initramfs", lambda *_: bytes(2 << 20)))
        self.assertEqual(status, 3)
        self.assertIn("no space is left for the guest's files", said)
        self.assertIn(tempfile.gettempdir(), said)
        self.assertEqual(os.listdir(small), [])


if __name__ == "__main__":
    unittest.main()
