# The second boot: apply creates the vGPUs that were defined.
. /guest/checks.sh

card=$(card_of 0x1234 0x11e8)
one=11111111-2222-3333-4444-000000000001
two=11111111-2222-3333-4444-000000000002

pf=$(card_of 0x1b36 0x0010)
device=/sys/bus/pci/devices/$pf
mkdir -p /usr/lib/nvidia
cp /guest/sriov-manage /usr/lib/nvidia/

try "apply without the driver" 1 vgpukit vgpu apply
try "load" 0 vgpukit load --from /modules/gpl
echo "1b36 0010" >/sys/bus/pci/drivers/nvidia/new_id
no "nothing is there yet" [ -e /sys/bus/mdev/devices/$one ]
same "no functions either" 0 "$(cat $device/sriov_numvfs)"
try "apply" 0 vgpukit vgpu apply
yes "... what vgpukit defined" [ -e /sys/bus/mdev/devices/$one ]
yes "... what mdevctl defined" [ -e /sys/bus/mdev/devices/$two ]
same "... the virtual functions" 2 "$(cat $device/sriov_numvfs)"
same "... the one that was defined by its address" 1 "$(cat $device/virtfn0/nvidia/current_vgpu_type)"
same "... the one of a count" 1 "$(cat $device/virtfn1/nvidia/current_vgpu_type)"
vf=$(basename "$(readlink $device/virtfn0)")
try "a VFIO client opens the function" 0 vfio_client "$(group_of $device/virtfn0)" "$vf"
has "... and reads its configuration space" "vendor"
try "apply with nothing to do" 0 vgpukit vgpu apply
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

. /guest/passthrough.sh

try "unload" 0 vgpukit unload
no "... nvidia" loaded nvidia
finish second
