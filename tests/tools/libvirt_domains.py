#!/usr/bin/env python3
"""Adds a card to libvirt's own test domains: libvirt_domains.py VGPUKIT HOST ROOT DOMAINS

VGPUKIT is the program, HOST a root folder with a card at 01:00, ROOT a Debian root in which libvirtd runs, DOMAINS
the folder tests/qemuxmlconfdata of libvirt's sources. libvirtd defines each domain that it accepts and completes its
XML. `vgpukit passthrough xml --apply` then changes the complete XML, for Linux and for Windows, and the short one.
libvirtd must accept what it accepted before, with the card's functions in one slot. The devices of a complete domain
must stay where they were (those of a short one get their addresses from libvirtd each time). vgpukit may refuse a
domain, with exit code 2 and what to do next; it refuses few.
"""
import json, os, re, subprocess, sys, tempfile
import xml.etree.ElementTree as ET

program, host, root, domains = (os.path.abspath(word) for word in sys.argv[1:])

# Runs in ROOT, where python3-libvirt is: the complete XML of each domain, or libvirtd's error.
DEFINE = """
import json, libvirt, sys
libvirt.registerErrorHandler(lambda *_: None, None)
connection = libvirt.open("qemu:///system")
result = {}
for name, text in json.load(sys.stdin).items():
    try:
        domain = connection.defineXML(text)
    except libvirt.libvirtError as error:
        result[name] = {"error": error.get_error_message()}
        continue
    result[name] = {"xml": domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)}
    domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM | libvirt.VIR_DOMAIN_UNDEFINE_TPM)
json.dump(result, sys.stdout)
"""


def define(texts):
    done = subprocess.run(["chroot", root, "python3", "-c", DEFINE], input=json.dumps(texts), capture_output=True,
                          text=True)
    if done.returncode:
        sys.exit(f"libvirtd defines no domains: {done.stderr}")
    return json.loads(done.stdout)


def devices(text):
    """What each device of the guest is and its PCI address there: {(domain, bus, slot, function): element}"""
    found = {}
    for device in ET.fromstring(text).find("devices"):
        address = device.find("address")
        if address is not None and address.get("type") == "pci":
            found[tuple(int(address.get(part), 16) for part in ("domain", "bus", "slot", "function"))] = device
    return found


def is_card(device):
    source = device.find("source/address")
    return device.tag == "hostdev" and source is not None and source.get("bus") == "0x01" and \
        source.get("slot") == "0x00"


def fault(before, after, complete):
    """What is wrong with a domain that got the card; "" if nothing is."""
    if "error" in after:
        return f"libvirtd accepts it no longer: {after['error']}"
    old, new = devices(before["xml"]), devices(after["xml"])
    card = sorted(address for address, device in new.items() if is_card(device))
    if len(card) != 4 or len({address[:3] for address in card}) != 1:
        return f"the card's four functions are at {card}"
    if not complete:
        return ""
    lost = [f"{device.tag} at {address}" for address, device in old.items()
            if address not in new or new[address].tag != device.tag or is_card(new[address])]
    return f"devices moved: {lost}" if lost else ""


texts = {}
for name in sorted(os.listdir(domains)):
    # The others are the results that libvirt's tests expect.
    if re.fullmatch(r"[^.]+\.xml", name):
        with open(f"{domains}/{name}", errors="replace") as file:
            texts[name] = file.read()
defined = define(texts)
accepted = {name: it for name, it in defined.items() if "xml" in it}
failed, refused, changed, crashed = [], [], {}, []
inputs = {f"{name} as written": (name, text) for name, text in texts.items()} | \
    {f"{name} as libvirt completes it": (name, it["xml"]) for name, it in accepted.items()}
for title, (name, text) in inputs.items():
    for guest in ("linux", "windows") if "completes" in title else ("linux",):
        with tempfile.TemporaryDirectory() as work:
            path = f"{work}/domain.xml"
            with open(path, "w") as file:
                file.write(text)
            done = subprocess.run([program, "--root", host, "passthrough", "xml", "01:00.0", "--guest-os", guest,
                                   "--apply", path], capture_output=True, text=True)
            with open(path) as file:
                result = file.read()
        label = f"{title}, {guest}"
        if done.returncode == 0:
            changed[label] = result
        elif done.returncode != 2 or "\n  " not in done.stderr or result != text:
            crashed.append(f"{label}: exit code {done.returncode}: {done.stderr}")
        elif name in accepted:
            refused.append(f"{label}: {done.stderr}")
for label, after in define(changed).items():
    name = label.split(" as ")[0]
    if name in accepted and (what := fault(accepted[name], after, "completes" in label)):
        failed.append(f"{label}: {what}")

for line in refused:
    print("refused:", line)
for line in crashed + failed:
    print("FAILED:", line)
print(f"{len(accepted)} of {len(texts)} domains are accepted by libvirtd; with a card {len(failed)} have a fault, "
      f"{len(refused)} are refused, {len(crashed)} end otherwise")
sys.exit(bool(failed or crashed) or len(accepted) < 100 or len(refused) > len(accepted) // 50)
