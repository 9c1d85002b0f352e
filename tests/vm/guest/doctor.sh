# doctor on a machine with an IOMMU. second.sh sources this file.
try "doctor" 1 vgpukit doctor -v
has "... the IOMMU" "ok       iommu.on: the IOMMU is on: $(ls /sys/kernel/iommu_groups | wc -l) groups"
has "... interrupts" "ok       iommu.remapping: interrupts are remapped"
has "... the kernel's own line" "/dev/kmsg: DMAR-IR: Enabled IRQ remapping"
has "... the kernel's options" "ok       kernel.config: the kernel has KVM and VFIO"
has "... what is wrong" "fail     cpu.kvm: kvm_amd is not loaded"
has "... what to do" "-> modprobe kvm_amd"
has "... that there is no card of NVIDIA's" "warn     cards.here: this host has no NVIDIA card"
try "doctor as JSON" 1 vgpukit -q doctor --format json
json "doctor: the IOMMU" "[(f['id'], f['state']) for f in j['findings'] if f['id'].startswith('iommu')] == \
  [('iommu.on', 'ok'), ('iommu.remapping', 'ok')]"
json "doctor: each failure says what to do" "j['result'] == 'fail' and \
  all(f['next'] and f['evidence'] for f in j['findings'] if f['state'] == 'fail')"
try "doctor in a guest" 1 vgpukit doctor --guest
has "... which has no card" "fail     guest.card:"
