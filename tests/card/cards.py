"""The cards that fake_card.py can be. A card is a few numbers; nothing behind its registers works.

device, subsystem: PCI IDs (pci.ids). boot_0, boot_42: the registers PMC_BOOT_0 (BAR 0, offset 0) and PMC_BOOT_42
(offset 0xa00), from which NVIDIA's driver knows the chip (nouveau's nvkm/engine/device/base.c lists the values of
PMC_BOOT_0). bars: size of BAR 0, 1 and 3, in bytes.

QEMU's vfio client hides the SR-IOV capability of a device from the guest, so no card here has virtual functions.
"""
from dataclasses import dataclass

MB = 1 << 20
NVIDIA = 0x10DE


@dataclass(frozen=True)
class Card:
    name: str
    device: int
    subsystem: int
    boot_0: int
    boot_42: int
    kind: int = 0x030200  # class code: 3D controller; 0x030000 is a VGA controller
    bars: tuple = (16 * MB, 256 * MB, 32 * MB)


CARDS = {
    "m60": Card("Tesla M60 (Maxwell)", 0x13F2, 0x115E, 0x124000A1, 0x124A1000, 0x030000),
    "p4": Card("Tesla P4 (Pascal)", 0x1BB3, 0x11D8, 0x134000A1, 0x134A1000),
    "v100": Card("Tesla V100 (Volta)", 0x1DB4, 0x1214, 0x140000A1, 0x140A1000),
    "t4": Card("Tesla T4 (Turing)", 0x1EB8, 0x12A2, 0x164000A1, 0x164A1000),
    "a2": Card("A2 (Ampere)", 0x25B6, 0x157E, 0xB77000A1, 0x177A1000),
    "l4": Card("L4 (Ada)", 0x27B8, 0x16CA, 0x194000A1, 0x194A1000),
}
