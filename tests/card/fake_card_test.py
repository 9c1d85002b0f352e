#!/usr/bin/env python3
"""Talks to fake_card.py as QEMU does: what the card answers, its registers, its faults."""
import os, socket, struct, subprocess, sys, tempfile, time, unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import fake_card as card
from cards import CARDS


class Client:
    """A vfio-user client: it connects to a card that it starts."""

    def __init__(self, folder, *options):
        path = f"{folder}/socket"
        self.server = subprocess.Popen([f"{HERE}/fake_card.py", path, "--log", f"{folder}/log", *options])
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        for _ in range(1000):  # the socket is there a moment before the card listens
            try:
                self.socket.connect(path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.01)
        else:
            self.server.kill()
            raise TimeoutError(f"{path}: the card does not listen")
        self.ask(card.VERSION, struct.pack("<HH", 0, 1) + b"{}\0")

    def ask(self, command, body=b""):
        """The body of the reply, or the errno."""
        self.socket.sendall(card.HEADER.pack(1, command, card.HEADER.size + len(body), 0, 0) + body)
        _, _, size, flags, error = card.HEADER.unpack(self.socket.recv(card.HEADER.size, socket.MSG_WAITALL))
        if flags & card.ERROR:
            return error
        return self.socket.recv(size - card.HEADER.size, socket.MSG_WAITALL) if size > card.HEADER.size else b""

    def read(self, region, offset, count=4):
        answer = self.ask(card.READ, struct.pack("<QII", offset, region, count))
        return answer if isinstance(answer, int) else answer[16:]

    def write(self, region, offset, data):
        return self.ask(card.WRITE, struct.pack("<QII", offset, region, len(data)) + data)

    def register(self, offset):
        return struct.unpack("<I", self.read(0, offset))[0]

    def size_of(self, region):
        info = self.ask(card.REGION_INFO, struct.pack("<IIIIQQ", 32, 0, region, 0, 0, 0))
        return struct.unpack_from("<Q", info, 16)[0]

    def close(self):
        self.socket.close()
        return self.server.wait(10)


class FakeCardTest(unittest.TestCase):
    def client(self, *options):
        folder = tempfile.TemporaryDirectory(prefix="vgpukit-card-test-")
        self.addCleanup(folder.cleanup)
        client = Client(folder.name, *options)
        client.log = f"{folder.name}/log"
        self.addCleanup(client.server.wait)
        self.addCleanup(client.server.kill)
        self.addCleanup(client.socket.close)
        return client

    def begin_fault(self, client):
        client.write(card.CONFIG, card.TRIGGER, b"\1")

    def test_each_card_has_its_numbers(self):
        for name, numbers in CARDS.items():
            client = self.client("--card", name)
            self.assertEqual(client.read(card.CONFIG, 0), struct.pack("<HH", 0x10DE, numbers.device))
            self.assertEqual(client.register(card.PMC_BOOT_0), numbers.boot_0)
            self.assertEqual(client.size_of(1), numbers.bars[1])
            self.assertEqual(client.close(), 0)

    def test_a_register_has_the_value_that_was_set_or_written(self):
        client = self.client("--set", "0x88000=0x12345678", "--set", "0=0x0f0000a1")
        self.assertEqual(client.register(0x88000), 0x12345678)
        self.assertEqual(client.register(card.PMC_BOOT_0), 0x0F0000A1)
        self.assertEqual(client.register(0x88004), 0)
        client.write(0, 0x88004, struct.pack("<I", 7))
        self.assertEqual(client.register(0x88004), 7)
        self.assertEqual(client.read(0, 0x88001, 2), b"\x56\x34")
        client.write(0, card.PMC_BOOT_0, struct.pack("<I", 7))
        self.assertEqual(client.register(card.PMC_BOOT_0), 0x0F0000A1)
        self.assertEqual(client.close(), 0)
        with open(client.log) as log:
            self.assertIn("write bar0 0x88004 4 <- 00000007", log.read())

    def test_a_register_that_is_no_number_is_refused(self):
        for pair in ("0x88000", "0x88000=many", "=1"):
            with tempfile.TemporaryDirectory() as folder:
                done = subprocess.run([f"{HERE}/fake_card.py", f"{folder}/s", "--log", f"{folder}/l", "--set", pair],
                                      stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"--set {pair}: wanted REGISTER=VALUE, two numbers", done.stderr)

    def test_a_rom_has_images_that_say_whose_they_are(self):
        client = self.client("--card", "t4", "--rom", "right")
        self.assertEqual(client.size_of(card.ROM), card.ROM_SIZE)
        rom = client.read(card.ROM, 0, card.ROM_SIZE)
        for at, kind, last in ((0, 0, 0), (512, 3, 0x80)):
            image = rom[at:at + 512]
            self.assertEqual(image[:2], b"\x55\xaa")
            self.assertEqual(sum(image) & 0xFF, 0)
            pcir = image[struct.unpack_from("<H", image, 0x18)[0]:]
            self.assertEqual(pcir[:8], b"PCIR" + struct.pack("<HH", 0x10DE, CARDS["t4"].device))
            self.assertEqual((pcir[0x10], pcir[0x14], pcir[0x15]), (1, kind, last))
        self.assertEqual(rom[1024:], b"\xff" * 1024)

    def test_a_rom_that_is_not_right(self):
        changed = self.client("--rom", "changed").read(card.ROM, 0, card.ROM_SIZE)
        self.assertEqual(changed[:2], b"\x55\xaa")
        self.assertNotEqual(sum(changed[:512]) & 0xFF, 0)
        self.assertEqual(changed[512:], b"\xff" * 1536)
        self.assertEqual(self.client("--rom", "erased").read(card.ROM, 0, 2048), b"\xff" * 2048)

    def test_the_roms_address_tells_its_size(self):
        for options, size in (((), 0), (("--rom", "right"), 0xFFFFF800)):
            client = self.client(*options)
            client.write(card.CONFIG, card.ROM_ADDRESS, struct.pack("<I", 0xFFFFF800))
            self.assertEqual(client.read(card.CONFIG, card.ROM_ADDRESS), struct.pack("<I", size))
        self.assertEqual(self.client().size_of(card.ROM), 0)

    def test_an_access_outside_a_region_is_an_error(self):
        client = self.client()
        self.assertEqual(client.read(0, CARDS["p4"].bars[0] - 2), card.EINVAL)
        self.assertEqual(client.read(99, 0), card.EINVAL)
        self.assertEqual(client.ask(99), card.EOPNOTSUPP)

    def test_no_fault_begins_by_itself(self):
        for fault in ("off-bus", "d3cold", "reset"):
            client = self.client("--fault", fault)
            client.ask(card.RESET)
            self.assertEqual(client.register(card.PMC_BOOT_0), CARDS["p4"].boot_0)
            self.assertEqual(client.read(card.CONFIG, 0, 2), b"\xde\x10")

    def test_off_the_bus_only_the_configuration_space_answers(self):
        client = self.client("--fault", "off-bus")
        self.begin_fault(client)
        self.assertEqual(client.register(card.PMC_BOOT_0), 0xFFFFFFFF)
        self.assertEqual(client.read(1, 0), b"\xff" * 4)
        self.assertEqual(client.read(card.CONFIG, 0, 2), b"\xde\x10")

    def test_in_d3cold_nothing_answers(self):
        client = self.client("--fault", "d3cold")
        self.begin_fault(client)
        self.assertEqual(client.register(card.PMC_BOOT_0), 0xFFFFFFFF)
        self.assertEqual(client.read(card.CONFIG, 0, 2), b"\xff\xff")

    def test_nothing_answers_after_the_reset_that_hangs(self):
        client = self.client("--fault", "reset")
        self.begin_fault(client)
        self.assertEqual(client.register(card.PMC_BOOT_0), CARDS["p4"].boot_0)
        client.ask(card.RESET)
        self.assertEqual(client.register(card.PMC_BOOT_0), 0xFFFFFFFF)
        self.assertEqual(client.read(card.CONFIG, 0, 2), b"\xff\xff")

    def test_a_bar_that_is_too_large(self):
        self.assertEqual(self.client("--fault", "bar").size_of(1), 1 << 50)


if __name__ == "__main__":
    unittest.main()
