# A vGPU driver of branch 460 or 525, with vgpu_stand_in.c as its resource manager: types, vGPUs, and a program that
# uses them. The cards are the fake card, and QEMU's igb, which has virtual functions.
. /guest/checks.sh

dmesg -n 1
branch=$(sed 's/.*branch=//; s/ .*//' /proc/cmdline)
card=$(card_of 0x10de 0x1bb3)
device=/sys/bus/pci/devices/$card
types=$device/mdev_supported_types
one=11111111-2222-3333-4444-000000000001
two=22222222-2222-3333-4444-000000000002
three=33333333-2222-3333-4444-000000000003
create() { echo "$2" >"$types/nvidia-$1/create"; }
free() { cat "$types/nvidia-$1/available_instances"; }
remove() { echo 1 >"/sys/bus/mdev/devices/$1/remove"; }
there() { [ -e "/sys/bus/mdev/devices/$1" ]; }
exercise() { # NAME GROUP DEVICE NUMBER BAR1
  vgpu_exercise "$2" "$3" "$4" "$5" >/run/vgpu 2>&1
  report "$1" /run/vgpu
  has "$1: the exercise came to its end" "# closed"
}

# --- load and register

try "load VFIO" 0 modprobe vfio_iommu_type1
try "load nvidia" 0 modprobe nvidia
same "nvidia drives the card" nvidia "$(driver_of "$card")"
try "load nvidia-vgpu-vfio" 0 modprobe nvidia-vgpu-vfio
no "no types yet: the card was found before" [ -e "$types" ]
echo "$card" >/sys/bus/pci/drivers/nvidia/unbind
echo "$card" >/sys/bus/pci/drivers/nvidia/bind
same "nvidia drives the card again" nvidia "$(driver_of "$card")"
same "the card has its types" "nvidia-1 nvidia-2 nvidia-3" "$(ls "$types" | tr '\n' ' ' | sed 's/ $//')"
same "... with name" "STAND-IN works" "$(cat "$types/nvidia-1/name")"
same "... and description" "STAND-IN works" "$(cat "$types/nvidia-1/description")"
same "... and kind" "vfio-pci" "$(cat "$types/nvidia-1/device_api")"
same "... and instances" 2 "$(free 1)"

# --- create, refuse, remove

try "create" 0 create 1 $one
yes "... it is there" there $one
same "... one instance less" 1 "$(free 1)"
try "create another" 0 create 1 $two
same "... none is left" 0 "$(free 1)"
try "one too many is refused" 1 create 1 $three
no "... and is not there" there $three
try "what the card refuses is refused" 1 create 3 $three
no "... and is not there" there $three
try "remove" 0 remove $two
no "... it is gone" there $two
same "... its instance is free" 1 "$(free 1)"
try "create what will not start" 0 create 2 $three
try "... does not open" 1 vgpu_exercise "$(group_of /sys/bus/mdev/devices/$three)" $three 1 0
has "... says so" "VFIO_GROUP_GET_DEVICE_FD"
try "... is removed" 0 remove $three

# --- use

bar1=$(sed -n '2s/ .*//p' "$device/resource")
same "no parameters" "" "$(cat /sys/bus/mdev/devices/$one/nvidia/vgpu_params)"
exercise mdev "$(group_of /sys/bus/mdev/devices/$one)" $one 0 "$bar1"
case $(uname -r) in
  6.1.*) ;; # the driver of 6.1 does not need to refuse it
  *) has "mdev: BAR 1 is mapped by nobody for itself" "a private mapping is refused" ;;
esac
exercise "mdev again" "$(group_of /sys/bus/mdev/devices/$one)" $one 0 "$bar1"
vgpu_exercise "$(group_of /sys/bus/mdev/devices/$one)" $one 0 hold >/run/hold 2>&1 &
client=$!
>>/run/hold
for _ in $(seq 50); do
  grep -q holds /run/hold || sleep 0.1
done
remove $one &
remover=$!
sleep 1
yes "removing a vGPU that is open waits" kill -0 $remover
kill $client
wait $client 2>/dev/null
try "... until it is closed" 0 wait $remover
no "... and then it is gone" there $one
same "... its instance is free" 2 "$(free 1)"

# --- virtual functions, of QEMU's igb

set_type() { echo "$2" >"$device/virtfn$1/nvidia/current_vgpu_type"; }
pf=$(card_of 0x8086 0x10c9)
device=/sys/bus/pci/devices/$pf
vf=$device/virtfn0
echo "8086 10c9" >/sys/bus/pci/drivers/nvidia/new_id
echo "8086 10ca" >/sys/bus/pci/drivers/nvidia/new_id
same "SR-IOV: nvidia drives the card" nvidia "$(driver_of "$pf")"
no "SR-IOV: the card itself has no types" [ -e "$device/mdev_supported_types" ]
echo 0 >$device/sriov_drivers_autoprobe
/guest/sriov-manage -e "$pf"
echo 1 >$device/sriov_drivers_autoprobe
same "SR-IOV: nvidia drives the card again" nvidia "$(driver_of "$pf")"
for n in 0 1; do basename "$(readlink "$device/virtfn$n")" >/sys/bus/pci/drivers_probe; done
first=$(basename "$(readlink "$vf")")
vgpus_on_functions() {
  same "SR-IOV: nvidia drives a function" nvidia "$(driver_of "$first")"
  same "SR-IOV: the function has types" "1     : STAND-IN works" "$(sed -n 2p "$vf/nvidia/creatable_vgpu_types")"
  same "SR-IOV: and none yet" 0 "$(cat "$vf/nvidia/current_vgpu_type")"
  try "SR-IOV: without a type it does not open" 1 vgpu_exercise "$(group_of "$vf")" "$first" 0 0
  has "SR-IOV: ... says so" "VFIO_GROUP_GET_DEVICE_FD"
  try "SR-IOV: create" 0 set_type 0 1
  same "SR-IOV: ... it is there" 1 "$(cat "$vf/nvidia/current_vgpu_type")"
  try "SR-IOV: a second one on it is refused" 1 set_type 0 1
  try "SR-IOV: create on another" 0 set_type 1 1
  try "SR-IOV: remove it" 0 set_type 1 0
  try "SR-IOV: what the card refuses is refused" 1 set_type 1 3
  exercise function "$(group_of "$vf")" "$first" 0 0
  exercise "function again" "$(group_of "$vf")" "$first" 0 0
  try "SR-IOV: remove" 0 set_type 0 0
  same "SR-IOV: ... it is gone" 0 "$(cat "$vf/nvidia/current_vgpu_type")"
  try "SR-IOV: remove again is refused" 1 set_type 0 0
  try "SR-IOV: unbind the function" 0 sh -c "echo $first >/sys/bus/pci/drivers/nvidia/unbind"
  no "SR-IOV: ... the types are gone" [ -e "$vf/nvidia" ]
  echo "$first" >/sys/bus/pci/drivers/nvidia/bind
  same "SR-IOV: ... and can be bound again" nvidia "$(driver_of "$first")"
}
if [ $branch = 460 ]; then
  no "SR-IOV: a function has no types: this needs what the kernel no longer has" [ -e "$vf/mdev_supported_types" ]
else
  vgpus_on_functions
fi

# --- unload

try "create one that stays" 0 create 1 $two
try "unload nvidia-vgpu-vfio" 0 rmmod nvidia-vgpu-vfio
no "... the vGPU is gone" there $two
no "... and the types" [ -e "$types" ]
try "load it again" 0 modprobe nvidia-vgpu-vfio
try "unload it again" 0 rmmod nvidia-vgpu-vfio
try "unload nvidia" 0 rmmod nvidia
dmesg >/run/kernel.log
errors='BUG:|kernel BUG|Oops|WARNING:|UBSAN|CFI failure|scheduling while atomic|Call Trace'
same "the kernel reported no error" "" "$(grep -E "$errors" /run/kernel.log)"
grep -E 'NVRM|nvidia' /run/kernel.log | head -n 80 | sed 's/^/# /'
finish vgpu
