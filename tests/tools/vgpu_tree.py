#!/usr/bin/env python3
"""Makes a root folder with the /sys, /proc and /etc of a vGPU host: vgpu_tree.py DIR mdev|sriov-mdev|vendor-vfio

mdev: vGPUs on the cards. sriov-mdev: mdev on virtual functions. vendor-vfio: virtual functions with
nvidia/current_vgpu_type.
"""
import argparse, os, uuid

TYPES = {f"nvidia-{60 + i}": (f"GRID P4-{i}Q", f"num_heads=4, frl_config=60, framebuffer={i}024M, "
                                               f"max_resolution=5120x2880, max_instance={16 // i}")
         for i in range(1, 9)}


def write(path, text=""):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def link(path, target):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(os.path.relpath(target, os.path.dirname(path)), path)


def pci(root, address, device, group):
    """Writes the files of a PCI function that lspci and passthrough read."""
    folder = f"{root}/sys/bus/pci/devices/{address}"
    for name, text in {"vendor": "0x10de", "device": device, "subsystem_vendor": "0x10de", "subsystem_device": "0x0000",
                       "class": "0x030200", "revision": "0xa1", "driver_override": "(null)",
                       "modalias": f"pci:v000010DEd0000{device[2:].upper()}", "reset_method": "flr bus",
                       "max_link_width": "16"}.items():
        write(f"{folder}/{name}", text + "\n")
    link(f"{folder}/driver", f"{root}/sys/bus/pci/drivers/nvidia")
    link(f"{root}/sys/bus/pci/drivers/nvidia/{address}", folder)
    link(f"{folder}/iommu_group", f"{root}/sys/kernel/iommu_groups/{group}")
    write(f"{root}/sys/kernel/iommu_groups/{group}/type", "DMA-FQ\n")
    link(f"{root}/sys/kernel/iommu_groups/{group}/devices/{address}", folder)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("dir")
    options.add_argument("kind", choices=["mdev", "sriov-mdev", "vendor-vfio"])
    options.add_argument("--cards", type=int, default=1)
    options.add_argument("--functions", type=int, default=4)
    options.add_argument("--devices", type=int, default=1, help="vGPUs that exist, of the first type")
    options.add_argument("--model", default="GRID P4", help="the beginning of the types' names")
    options.add_argument("--no-functions", action="store_true", help="the virtual functions are not made yet")
    options = options.parse_args()
    root = os.path.abspath(options.dir)
    devices = f"{root}/sys/bus/pci/devices"
    for folder in ("sys/bus/mdev/devices", "sys/class/mdev_bus", "etc/mdevctl.d", "proc"):
        os.makedirs(f"{root}/{folder}", exist_ok=True)
    write(f"{root}/sys/bus/pci/drivers/nvidia/bind")
    parents = []
    for card in range(options.cards):
        address = f"0000:{0x41 + card:02x}:00.0"
        write(f"{root}/proc/driver/nvidia/gpus/{address}/information",
              f"Model: \t\t Reference\nGPU UUID: \t GPU-{uuid.UUID(int=card + 1)}\n"
              f"Serial Number: \t 03229170{card:05}\n")
        pci(root, address, "0x26b9", 1000 + card)
        if options.kind == "mdev":
            parents.append(address)
            continue
        write(f"{devices}/{address}/sriov_totalvfs", f"{options.functions}\n")
        made = 0 if options.no_functions else options.functions
        write(f"{devices}/{address}/sriov_numvfs", f"{made}\n")
        for i in range(made):
            function = f"0000:{0x41 + card:02x}:{(i + 4) // 8:02x}.{(i + 4) % 8}"
            pci(root, function, "0x26b9", 2000 + len(parents))
            link(f"{devices}/{function}/physfn", f"{devices}/{address}")
            link(f"{devices}/{address}/virtfn{i}", f"{devices}/{function}")
            parents.append(function)
    for i, parent in enumerate(parents):
        used = i < options.devices
        if options.kind == "vendor-vfio":
            write(f"{devices}/{parent}/nvidia/current_vgpu_type", "61\n" if used else "0\n")
            rows = "".join(f"{id[7:]:5} : {name.replace('GRID P4', options.model)}\n"
                           for id, (name, _) in TYPES.items())
            write(f"{devices}/{parent}/nvidia/vgpu_params")
            write(f"{devices}/{parent}/nvidia/creatable_vgpu_types", "ID    : vGPU Name\n" + ("" if used else rows))
            continue
        link(f"{root}/sys/class/mdev_bus/{parent}", f"{devices}/{parent}")
        for id, (name, description) in TYPES.items():
            at = f"{devices}/{parent}/mdev_supported_types/{id}"
            write(f"{at}/name", name + "\n")
            write(f"{at}/description", description + "\n")
            write(f"{at}/device_api", "vfio-pci\n")
            available = "1" if options.kind == "sriov-mdev" and not used else "0" if used else "8"
            write(f"{at}/available_instances", f"{available}\n")
            write(f"{at}/create")
    for i in range(options.devices if options.kind != "vendor-vfio" else 0):
        parent, name = f"{devices}/{parents[i % len(parents)]}", str(uuid.UUID(int=i + 1, version=4))
        write(f"{parent}/{name}/remove")
        write(f"{parent}/{name}/nvidia/vgpu_params")
        link(f"{parent}/{name}/mdev_type", f"{parent}/mdev_supported_types/nvidia-61")
        link(f"{parent}/{name}/iommu_group", f"{root}/sys/kernel/iommu_groups/{i}")
        link(f"{root}/sys/bus/mdev/devices/{name}", f"{parent}/{name}")


main()
