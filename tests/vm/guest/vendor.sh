# vGPUs as virtual functions: those of QEMU's nvme, given to the reference driver by hand. Sourced by first.sh, with nvidia loaded.

pf=$(card_of 0x1b36 0x0010)
device=/sys/bus/pci/devices/$pf
/sbin/modprobe vfio-pci enable_sriov=1
echo vfio-pci >$device/driver_override
echo "$pf" >/sys/bus/pci/drivers_probe
echo 2 >$device/sriov_numvfs
same "vendor VFIO: two functions" 2 "$(cat $device/sriov_numvfs)"
for function in $device/virtfn*; do
  # vfio-pci takes the functions of its card.
  address=$(basename "$(readlink "$function")")
  echo "$address" >"$function/driver/unbind"
  echo nvidia >"$function/driver_override"
  echo "$address" >/sys/bus/pci/drivers_probe
done
vf=$(basename "$(readlink $device/virtfn0)")
try "vendor VFIO: types" 0 vgpukit vgpu types --card "$pf"
has "... by name" "GRID REF-2Q"
try "vendor VFIO: a client, before there is a type" 1 vfio_client "$(group_of $device/virtfn0)" "$vf"
try "vendor VFIO: create" 0 vgpukit vgpu create REF-2Q --card "$vf"
same "... it is the function" "$vf" "$(cat $out)"
same "... with the type" 2 "$(cat $device/virtfn0/nvidia/current_vgpu_type)"
try "vendor VFIO: list" 0 vgpukit vgpu list --card "$pf"
has "... has it" "$vf"
try "vendor VFIO: a client opens it" 0 vfio_client "$(group_of $device/virtfn0)" "$vf"
has "... and reads its configuration space" "vendor"
>/run/client
vfio_client "$(group_of $device/virtfn0)" "$vf" 600 >/run/client &
client=$!
while ! grep -q open /run/client; do sleep 0.1; done
try "vendor VFIO: remove while it is open" 1 vgpukit vgpu remove "$vf"
has "... names the program" "vfio_client, process $client has it"
kill $client
wait $client 2>/dev/null
try "vendor VFIO: xml" 0 vgpukit vgpu xml "$vf"
echo "xml hostdev"; cat $out; echo "end of xml"
try "vendor VFIO: create on the other" 0 vgpukit vgpu create REF-1Q --card "$pf"
# By its id: a full card's tables are empty, and with them goes the name.
try "vendor VFIO: one too many" 1 vgpukit vgpu create nvidia-1 --card "$pf"
has "... says why" "no room"
for function in $device/virtfn*; do
  try "vendor VFIO: remove" 0 vgpukit vgpu remove "$(basename "$(readlink "$function")")"
done
same "... the type is gone" 0 "$(cat $device/virtfn0/nvidia/current_vgpu_type)"
