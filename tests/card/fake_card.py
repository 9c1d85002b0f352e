#!/usr/bin/env python3
"""A vfio-user server that is a fake NVIDIA card: a PCI configuration space, BARs, and a register file.

    tests/card/fake_card.py SOCKET --log FILE [--card p4] [--set REGISTER=VALUE]... [--fault NAME] [--rom KIND]

QEMU 10.1 and later connects with -device '{"driver":"vfio-user-pci","socket":{"path":"SOCKET","type":"unix"}}'. The
protocol is in QEMU's documentation (interop/vfio-user). The log has a line for each access.

A fault begins when the guest writes a byte other than 0 to offset 0x108 of the configuration space:

    off-bus     registers read as all ones, as after "GPU has fallen off the bus"
    d3cold      so does the configuration space: the card does not wake up again
    reset       so does the configuration space, from the next reset on: the card does not come back
    bar         from the start: BAR 1 is so large that no kernel finds an address for it

The code of a ROM (--rom) does nothing. "right" has an image for BIOS and one for EFI; "changed" has only the first,
with a wrong byte; "erased" has none. (A wrong device ID does not reach a guest: QEMU corrects it.)
"""
import argparse, array, json, os, socket, struct, sys, time

sys.dont_write_bytecode = True
from cards import CARDS, NVIDIA

# vfio-user: message header, commands, and regions.
HEADER = struct.Struct("<HHIII")  # id, command, size with the header, flags, error
VERSION, DMA_MAP, DMA_UNMAP, DEVICE_INFO, REGION_INFO, _, IRQ_INFO, SET_IRQS, READ, WRITE = range(1, 11)
RESET = 13
REPLY, NO_REPLY, ERROR = 0x1, 0x10, 0x20
NAMES = {VERSION: "version", DMA_MAP: "dma_map", DMA_UNMAP: "dma_unmap", DEVICE_INFO: "device_info",
         REGION_INFO: "region_info", IRQ_INFO: "irq_info", SET_IRQS: "set_irqs", RESET: "reset"}
ROM, CONFIG, REGIONS = 6, 7, 9  # BAR 0 to 5, the ROM, the configuration space, VGA
INTX, MSI = 0, 1
EINVAL, EOPNOTSUPP = 22, 95

TRIGGER = 0x108
# Bytes of the configuration space that a guest may change: command, interrupt line, power state, MSI, link control.
WRITABLE = {0x04, 0x05, 0x3C, 0x64, 0x65, *range(0x6A, 0x78), 0x80, 0x81, 0x88, 0x89, 0xA0, 0xA1, 0xA8, 0xA9, TRIGGER}
PMC_BOOT_0, PMC_BOOT_1, PMC_BOOT_42 = 0x0, 0x4, 0xA00
ROM_ADDRESS, ROM_SIZE = 0x30, 2048  # the smallest size that PCI allows
BIOS, EFI = 0, 3                    # kinds of code in a ROM
PTIMER_LOW, PTIMER_HIGH = 0x9400, 0x9410  # nanoseconds


def configuration_space(card):
    """The 4096 bytes: a header, then power management, MSI and PCI Express, and a vendor-specific capability."""
    space = bytearray(4096)
    put = lambda form, at, *values: struct.pack_into("<" + form, space, at, *values)
    put("HHHH", 0x00, NVIDIA, card.device, 0, 0x0010)  # status: there are capabilities
    put("I", 0x08, card.kind << 8 | 0xA1)              # class, revision
    put("6I", 0x10, 0x0, 0xC, 0x0, 0xC, 0x0, 0x0)      # BAR 0: 32 bits; BAR 1 and 3: 64 bits, prefetchable
    put("HH", 0x2C, NVIDIA, card.subsystem)
    space[0x34], space[0x3D] = 0x60, 1                 # the first capability; INTA
    put("BBHI", 0x60, 0x01, 0x68, 0x0003, 0x00000008)  # power management, without a reset on D3hot -> D0
    put("BBHIIH", 0x68, 0x05, 0x78, 0x0080, 0, 0, 0)   # MSI, 64-bit addresses, one message
    # PCI Express endpoint, without function level reset; 8 GT/s, 16 lanes.
    put("BBHIHHIHH", 0x78, 0x10, 0x00, 0x0002, 0x012C8DE1, 0x2910, 0, 0x00453D03, 0x0040, 0x1103)
    put("IHHIHH", 0x78 + 0x24, 0x00040013, 0, 0, 0x0000000E, 0x0003, 0)
    put("II", 0x100, 0x0001000B, 0x00C10001)           # vendor-specific, 12 bytes: the trigger is its third word
    return space


def rom_image(device, kind, last):
    """512 bytes: the header, at 0x40 the structure that says what it is, and a byte so that all add up to 0."""
    image = bytearray(512)
    struct.pack_into("<HBB", image, 0, 0xAA55, 1, 0xCB)  # one block; code for a BIOS: return at once
    struct.pack_into("<H", image, 0x18, 0x40)
    struct.pack_into("<4sHHHHB3sHHBBH", image, 0x40, b"PCIR", NVIDIA, device, 0, 0x18, 0, b"\0\2\3", 1, 0, kind,
                     0x80 if last else 0, 0)
    image[-1] = -sum(image) & 0xFF
    return image


def rom(card, kind):
    """The ROM's bytes, with erased flash behind the images."""
    if not kind:
        return b""
    images = b"" if kind == "erased" else rom_image(card.device, BIOS, False)
    if kind == "right":
        images += rom_image(card.device, EFI, True)
    if kind == "changed":
        images[0x100] = 1
    return bytes(images).ljust(ROM_SIZE, b"\xff")


class FakeCard:
    def __init__(self, card, log, fault, rom_kind=None):
        self.log, self.fault, self.start = log, fault, time.monotonic()
        self.was_reset = False  # since the fault began
        bar1 = 1 << 50 if fault == "bar" else card.bars[1]
        self.rom = rom(card, rom_kind)
        self.sizes = [card.bars[0], bar1, 0, card.bars[2], 0, 0, len(self.rom), 4096, 0]
        self.config = configuration_space(card)
        self.registers = {PMC_BOOT_0: card.boot_0, PMC_BOOT_1: 0, PMC_BOOT_42: card.boot_42}

    def say(self, text):
        self.log.write(f"{time.monotonic() - self.start:8.3f} {text}\n")

    def failing(self, *faults):
        return self.config[TRIGGER] != 0 and self.fault in faults and (self.fault != "reset" or self.was_reset)

    def reset(self):
        self.was_reset = self.config[TRIGGER] != 0

    def register(self, at):
        nanoseconds = int((time.monotonic() - self.start) * 1e9)
        if at == PTIMER_LOW:
            return nanoseconds & 0xFFFFFFE0
        if at == PTIMER_HIGH:
            return nanoseconds >> 32 & 0xFFFFFFFF
        return self.registers.get(at, 0)

    def read(self, region, offset, count):
        if region == CONFIG:
            data = b"\xff" * count if self.failing("d3cold", "reset") else bytes(self.config[offset:offset + count])
        elif self.failing("off-bus", "d3cold", "reset"):
            data = b"\xff" * count
        elif region == 0:
            words = b"".join(struct.pack("<I", self.register(at)) for at in range(offset & ~3, offset + count, 4))
            data = words[offset & 3:(offset & 3) + count]
        elif region == ROM:
            data = self.rom[offset:offset + count]
        else:
            data = bytes(count)
        self.say(f"read  {self.name_of(region)} {offset:#x} {count} -> {data[:8][::-1].hex()}")
        return data

    def write(self, region, offset, data):
        self.say(f"write {self.name_of(region)} {offset:#x} {len(data)} <- {data[:8][::-1].hex()}")
        if region == CONFIG and offset == ROM_ADDRESS and len(data) == 4:
            if self.rom:  # ones ask for its size
                struct.pack_into("<I", self.config, offset, struct.unpack("<I", data)[0] & -ROM_SIZE)
        elif region == CONFIG:
            for at, byte in enumerate(data, offset):
                if at in WRITABLE:
                    self.config[at] = byte
        elif region == 0 and len(data) == 4 and offset not in (PMC_BOOT_0, PMC_BOOT_1, PMC_BOOT_42):
            self.registers[offset] = struct.unpack("<I", data)[0]

    @staticmethod
    def name_of(region):
        return {CONFIG: "config", ROM: "rom"}.get(region, f"bar{region}")


def receive(connection, size):
    """`size` bytes, or None if the client is gone. File descriptors that come with them are not needed."""
    got = b""
    while len(got) < size:
        data, ancillary, _, _ = connection.recvmsg(size - len(got), socket.CMSG_LEN(64))
        for _, _, content in ancillary:
            descriptors = array.array("i")
            descriptors.frombytes(content[:len(content) // descriptors.itemsize * descriptors.itemsize])
            for descriptor in descriptors:
                os.close(descriptor)
        if not data:
            return None
        got += data
    return got


def answer(card, command, body):
    """The body of the reply, or an errno."""
    if command == VERSION:
        mine = {"capabilities": {"max_msg_fds": 16, "max_data_xfer_size": 1 << 20}}
        return body[:4] + json.dumps(mine).encode() + b"\0"
    if command in (DMA_MAP, SET_IRQS):
        return b""
    if command == DMA_UNMAP:
        return body[:24]
    if command == DEVICE_INFO:
        return struct.pack("<IIII", 16, 0b11, REGIONS, 5)  # flags: can be reset, PCI; 5 kinds of interrupts
    if command == REGION_INFO:
        index = struct.unpack_from("<I", body, 8)[0]
        if index >= REGIONS:
            return EINVAL
        size = card.sizes[index]
        return struct.pack("<IIIIQQ", 32, 0b011 if size else 0, index, 0, size, 0)
    if command == IRQ_INFO:
        index = struct.unpack_from("<I", body, 8)[0]
        return struct.pack("<IIII", 16, 0b1, index, 1 if index in (INTX, MSI) else 0)
    if command in (READ, WRITE):
        offset, region, count = struct.unpack_from("<QII", body)
        if region >= REGIONS or offset + count > card.sizes[region]:
            card.say(f"an access outside region {region}: {offset:#x}, {count} bytes")
            return EINVAL
        if command == READ:
            return body[:16] + card.read(region, offset, count)
        card.write(region, offset, body[16:16 + count])
        return body[:16]
    if command == RESET:
        card.reset()
        return b""
    return EOPNOTSUPP


def serve(connection, card):
    while (header := receive(connection, HEADER.size)) is not None:
        number, command, size, flags, _ = HEADER.unpack(header)
        body = receive(connection, size - HEADER.size) if size > HEADER.size else b""
        if body is None:
            return
        if command not in (READ, WRITE):
            card.say(NAMES.get(command, f"command {command}"))
        reply = answer(card, command, body)
        if flags & NO_REPLY:
            continue
        if isinstance(reply, int):
            connection.sendall(HEADER.pack(number, command, HEADER.size, REPLY | ERROR, reply))
        else:
            connection.sendall(HEADER.pack(number, command, HEADER.size + len(reply), REPLY, 0) + reply)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("socket")
    parser.add_argument("--log", required=True)
    parser.add_argument("--card", default="p4", choices=CARDS)
    parser.add_argument("--set", action="append", default=[], metavar="REGISTER=VALUE", help="a register of BAR 0")
    parser.add_argument("--fault", choices=("off-bus", "d3cold", "reset", "bar"))
    parser.add_argument("--rom", choices=("right", "changed", "erased"))
    options = parser.parse_args()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(options.socket)
    listener.listen(1)
    with open(options.log, "w", buffering=1) as log:
        card = FakeCard(CARDS[options.card], log, options.fault, options.rom)
        for pair in options.set:
            try:
                register, value = (int(word, 0) for word in pair.split("="))
            except ValueError:
                parser.error(f"--set {pair}: wanted REGISTER=VALUE, two numbers")
            card.registers[register] = value
        connection, _ = listener.accept()
        serve(connection, card)
        card.say("the client is gone")


if __name__ == "__main__":
    main()
