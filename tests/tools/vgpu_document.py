#!/usr/bin/env python3
"""Runs the commands of docs/vgpus.md: vgpu_document.py VGPUKIT DOCUMENT TREE

TREE is made by vgpu_tree.py (vendor-vfio, "NVIDIA L40"). An indented block of the document is a vgpus.yaml, which
replaces that of the tree, or a list of commands, each of which must end with 0. A heading "## " begins with a tree
without vGPUs and definitions.
"""
import glob, os, re, shutil, subprocess, sys

program, document, tree = sys.argv[1:]
functions = f"{tree}/sys/bus/pci/devices/*/nvidia"
rows = open(glob.glob(f"{functions}/creatable_vgpu_types")[-1]).read()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def run(command):
    words = command.split()
    done = subprocess.run([program, "--root", tree, *words[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    print(f"{done.returncode} {command}")
    if done.returncode != 0:
        sys.exit(done.stdout)


def begin(heading):
    mig = "MIG" in heading
    shutil.rmtree(f"{tree}/etc/vgpukit", ignore_errors=True)
    for folder in glob.glob(functions):
        write(f"{folder}/current_vgpu_type", "0\n")
        write(f"{folder}/vgpu_params", "")
        write(f"{folder}/creatable_vgpu_types", "ID    : vGPU Name\n70    : NVIDIA L40-1-2Q\n" if mig else rows)
    for name in ("mig_mode", "mixed_sizes", "gpu_instances"):
        write(f"{tree}/sys/bus/pci/devices/0000:41:00.0/reference/{name}", "0\n")
    if "Clean up" in heading:
        write(f"{tree}/etc/vgpukit/vgpus.yaml",
              'vgpus:\n  - {card: "0000:41:00.0", type: L40-2Q, functions: ["0000:41:00.7"]}\n')
    if "virtual machine" in heading:
        write(f"{tree}/etc/vgpukit/vgpus.yaml",
              'vgpus:\n  - {card: "0000:41:00.0", type: L40-2Q, functions: ["0000:41:00.4"]}\n')
        run("vgpukit vgpu apply")
        write(f"{tree}/etc/libvirt/qemu/web.xml",
              "<domain><hostdev type='pci' managed='no'><source><address domain='0x0000' bus='0x41' slot='0x00' "
              "function='0x4'/></source></hostdev></domain>")


count = 0
text = open(document).read().split("\n# Reference")[0]
for section in re.split(r"^## ", text, flags=re.M)[1:]:
    begin(section.splitlines()[0])
    for block in re.findall(r"(?:^    .*\n)+", section, re.M):
        lines = [line[4:] for line in block.splitlines()]
        if lines[0].startswith("vgpukit"):
            for line in lines:
                run(line)
                count += 1
        else:
            write(f"{tree}/etc/vgpukit/vgpus.yaml", "\n".join(lines) + "\n")
print(f"{count} commands")
