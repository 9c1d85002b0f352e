# vGPUs as virtual functions, on QEMU's nvme: the reference driver treats it as a card with SR-IOV. first.sh sources
# this file, with nvidia loaded.
pf=$(card_of 0x1b36 0x0010)
device=/sys/bus/pci/devices/$pf
echo "1b36 0010" >/sys/bus/pci/drivers/nvidia/new_id
same "SR-IOV: the driver has the card" nvidia "$(driver_of "$pf")"

# --- functions that do not appear

try "SR-IOV: without sriov-manage" 1 vgpukit vgpu create REF-2Q --card "$pf"
has "... the kernel's word" "the card's driver makes no virtual functions by itself (No such file or directory)"
has "... what would make them" "/usr/lib/nvidia/sriov-manage"
mkdir -p /usr/lib/nvidia
cp /guest/sriov-manage /usr/lib/nvidia/
echo 0 >$device/sriov_drivers_autoprobe
try "SR-IOV: functions that no driver takes" 1 vgpukit vgpu create REF-2Q --card "$pf"
has "... are told at the deadline" "after the time limit there were 2, and 0 of them offered vGPUs"
/usr/lib/nvidia/sriov-manage -d "$pf"
echo 1 >$device/sriov_drivers_autoprobe

# --- functions that appear

rm /run/sriov-manage
>/run/sriov-manage-fails
try "SR-IOV: create makes the functions first" 0 vgpukit vgpu create REF-2Q --card "$pf"
same "... sriov-manage is called again: its exit status says nothing" "-e $pf -e $pf" \
  "$(tr '\n' ' ' </run/sriov-manage | sed 's/ $//')"
same "... all of them" 2 "$(cat $device/sriov_numvfs)"
same "... the card is the driver's again" nvidia "$(driver_of "$pf")"
vf=$(basename "$(readlink $device/virtfn0)")
other=$(basename "$(readlink $device/virtfn1)")
try "SR-IOV: list" 0 vgpukit vgpu list --card "$pf"
has "... has it" "$vf"
same "... with the type" 2 "$(cat $device/virtfn0/nvidia/current_vgpu_type)"
try "SR-IOV: types" 0 vgpukit vgpu types --card "$pf"
has "... by name" "GRID REF-2Q"
try "SR-IOV: a client, before there is a type" 1 vfio_client "$(group_of $device/virtfn1)" "$other"
try "SR-IOV: a client opens it" 0 vfio_client "$(group_of $device/virtfn0)" "$vf"
has "... and reads its configuration space" "vendor"
hold "$(group_of $device/virtfn0)" "$vf"
try "SR-IOV: remove while it is open" 1 vgpukit vgpu remove "$vf"
has "... names the program" "vfio_client, process $client has it"
let_go
try "SR-IOV: xml" 0 vgpukit vgpu xml "$vf"
echo "xml hostdev"; cat $out; echo "end of xml"
try "SR-IOV: another size" 1 vgpukit vgpu create REF-1Q --card "$pf"
has "... says why" "it runs GRID REF-2Q, and the first vGPU of a card decides the size of all"
try "SR-IOV: create on the other" 0 vgpukit vgpu create REF-2Q --card "$pf" --param enable_uvm=1 --placement 2
same "... its parameters" enable_uvm=1 "$(cat $device/virtfn1/nvidia/vgpu_params)"
same "... its placement" 2 "$(cat $device/virtfn1/nvidia/placement_id)"
try "SR-IOV: list" 0 vgpukit vgpu list --card "$pf"
has "... shows both" "enable_uvm=1  2"
# By its id: a full card lists no types, so the name is not known.
try "SR-IOV: one too many" 1 vgpukit vgpu create nvidia-1 --card "$pf"
has "... says why" "no instance is available"
for function in $vf $other; do try "SR-IOV: remove" 0 vgpukit vgpu remove "$function"; done
same "... the type is gone" 0 "$(cat $device/virtfn0/nvidia/current_vgpu_type)"

# --- definitions, for second.sh after the reboot

try "SR-IOV: define on a function" 0 vgpukit vgpu define REF-1Q --card "$vf" --param enable_uvm=1 --placement 3
has "... in our file: mdevctl's knows mediated devices only" "/etc/vgpukit/vgpus.yaml"
echo "  - {card: \"$pf\", type: REF-2Q, count: 1}" >>/etc/vgpukit/vgpus.yaml
cp /guest/nvidia-smi /usr/bin/
try "SR-IOV: the dry run of apply" 1 vgpukit vgpu apply --dry-run
has "... two sizes" "the vGPUs have different sizes (GRID REF-1Q, GRID REF-2Q)"
has "... without mixed sizes" "vGPU Heterogeneous Mode: Disabled"
sed -i "1i cards:\n  - {card: \"$pf\", mixed-sizes: true}" /etc/vgpukit/vgpus.yaml
try "SR-IOV: the dry run with mixed sizes" 0 vgpukit vgpu apply --dry-run
has "... has the mode" "+ mixed sizes"
has "... has the one" "$vf"
has "... and the other" "$other"
same "... makes nothing" 0 "$(cat $device/virtfn0/nvidia/current_vgpu_type)"
mv /etc/vgpukit/vgpus.yaml /run/vgpus.yaml
/usr/lib/nvidia/sriov-manage -d "$pf"
echo "$pf" >/sys/bus/pci/drivers/nvidia/unbind
