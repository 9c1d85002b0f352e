# doctor and passthrough on a machine without an IOMMU.
. /guest/checks.sh

nic=$(card_of 0x8086 0x10d3)
/sbin/modprobe e1000e
try "doctor" 1 vgpukit doctor
has "... what is wrong" "fail     iommu.on: the IOMMU is off: there are no groups"
has "... how it knows" "/sys/firmware/acpi/tables/IVRS: not there: the firmware offers no IOMMU"
has "... what to do" "-> switch on IOMMU (and SVM) in the firmware's setup"
lacks "... nothing of interrupts" "iommu.remapping"
try "doctor as JSON" 1 vgpukit -q doctor --format json
json "doctor: the IOMMU" "[f['state'] for f in j['findings'] if f['id'].startswith('iommu')] == ['fail']"
try "groups" 0 vgpukit passthrough groups
has "... there are none" "there are no IOMMU groups: vgpukit doctor tells why"
try "groups as JSON" 0 vgpukit -q passthrough groups --format json
json "groups: none" "j['groups'] == []"
try "bind" 3 vgpukit passthrough bind "$nic" --any-device
has "... says why" "it is in no IOMMU group: the IOMMU is off"
same "... nothing was touched" e1000e "$(driver_of "$nic")"
finish bare
