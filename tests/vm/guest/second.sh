# The second boot: apply creates the vGPUs that were defined.
. /guest/checks.sh

card=$(card_of 0x1234 0x11e8)
one=11111111-2222-3333-4444-000000000001
two=11111111-2222-3333-4444-000000000002

pf=$(card_of 0x1b36 0x0010)
device=/sys/bus/pci/devices/$pf
mkdir -p /usr/lib/nvidia
cp /guest/sriov-manage /usr/lib/nvidia/
cp /guest/nvidia-smi /usr/bin/

try "apply without the driver" 1 vgpukit vgpu apply
try "load" 0 vgpukit load --from /modules/gpl
echo "1b36 0010" >/sys/bus/pci/drivers/nvidia/new_id
no "nothing is there yet" [ -e /sys/bus/mdev/devices/$one ]
same "no functions either" 0 "$(cat $device/sriov_numvfs)"
try "apply" 0 vgpukit vgpu apply
yes "... what vgpukit defined" [ -e /sys/bus/mdev/devices/$one ]
same "... with its parameters" frame_rate_limiter=0 "$(cat /sys/bus/mdev/devices/$one/nvidia/vgpu_params)"
yes "... what mdevctl defined" [ -e /sys/bus/mdev/devices/$two ]
same "... the virtual functions" 2 "$(cat $device/sriov_numvfs)"
same "... the one that was defined by its address" 1 "$(cat $device/virtfn0/nvidia/current_vgpu_type)"
same "... its parameters" enable_uvm=1 "$(cat $device/virtfn0/nvidia/vgpu_params)"
same "... its placement" 3 "$(cat $device/virtfn0/nvidia/placement_id)"
same "... mixed sizes, which the reboot had switched off" 1 "$(cat $device/reference/mixed_sizes)"
same "... the one of a count" 2 "$(cat $device/virtfn1/nvidia/current_vgpu_type)"
vf=$(basename "$(readlink $device/virtfn0)")
try "a VFIO client opens the function" 0 vfio_client "$(group_of $device/virtfn0)" "$vf"
has "... and reads its configuration space" "vendor"
try "apply with nothing to do" 0 vgpukit vgpu apply
has "... says so" "nothing to do"
same "... asks for no functions again" "-e $pf" "$(cat /run/sriov-manage)"
try "list" 0 vgpukit vgpu list
has "... the first" "$one"
has "... the second" "$two"
try "a VFIO client opens it" 0 vfio_client "$(group_of /sys/bus/mdev/devices/$one)" $one
has "... and reads its configuration space" "vendor 1234"
try "mdevctl sees it" 0 mdevctl list
has "... by its UUID" "$one $card nvidia-1"
try "undefine" 0 vgpukit vgpu undefine $one
try "remove" 0 vgpukit vgpu remove $one
try "remove the other" 0 vgpukit vgpu remove $two
no "... gone" [ -e /sys/bus/mdev/devices/$two ]
try "mdevctl: the other is still defined" 0 mdevctl list --defined
has "... by its UUID" "$two"
lacks "... the first is not" "$one"

# --- GPU instances (MIG)

try "mixed sizes stay while there are vGPUs" 19 nvidia-smi vgpu -shm 0 -i "$pf"
cat >/etc/vgpukit/vgpus.yaml <<END
cards:
  - {card: "$pf", gpu-instances: [{profile: 1g.2gb, count: 2}]}
vgpus:
  - {card: "$pf", type: REF-1-2Q, count: 2, params: {disable_vnc: 1}}
END
try "MIG: not while the card has vGPUs" 1 vgpukit vgpu apply
has "... says why" "MIG mode is off, and nothing of that is changed while the card has vGPUs"
same "... the card is the driver's" nvidia "$(driver_of "$pf")"
try "MIG: remove what is not defined" 1 vgpukit vgpu apply --prune
has "... not with virtual functions" "In use by another client"
same "... the vGPUs are gone" 0 "$(cat $device/virtfn1/nvidia/current_vgpu_type)"
/usr/lib/nvidia/sriov-manage -d "$pf"
try "MIG: the dry run" 0 vgpukit vgpu apply --dry-run
has "... has all steps" "+ GPU instances: 2 x 1g.2gb"
try "MIG: apply" 0 vgpukit vgpu apply
same "... the mode" 1 "$(cat $device/reference/mig_mode)"
same "... the instances" 2 "$(cat $device/reference/gpu_instances)"
for function in virtfn0 virtfn1; do same "... the vGPU" 3 "$(cat $device/$function/nvidia/current_vgpu_type)"; done
try "MIG: apply with nothing to do" 0 vgpukit vgpu apply
has "... says so" "nothing to do"
try "MIG: types" 0 vgpukit vgpu types --card "$pf"
has "... the mode" "MIG mode: Enabled"
for function in "$device"/virtfn*; do vgpukit vgpu remove "$(basename "$(readlink "$function")")"; done
sed -i 's/1g.2gb, count: 2/1g.2gb, count: 3/' /etc/vgpukit/vgpus.yaml
try "MIG: more instances than fit" 1 vgpukit vgpu apply
has "... in nvidia-smi's words" "Insufficient Resources"
same "... the two stay" 2 "$(cat $device/reference/gpu_instances)"
sed -i 's/1g.2gb, count: 3/1g.2gb, count: 2/' /etc/vgpukit/vgpus.yaml
/usr/lib/nvidia/sriov-manage -d "$pf"
nvidia-smi -mig 0 -i "$pf" >/dev/null
# For passthrough.sh. Each apply has also made what mdevctl defined.
/usr/lib/nvidia/sriov-manage -e "$pf"
vgpukit vgpu remove $two

. /guest/passthrough.sh

try "unload" 0 vgpukit unload
no "... nvidia" loaded nvidia
carry
finish second
