# Whole devices: binds the reference driver's card and a network card to vfio-pci, and back. second.sh sources this
# file, with nvidia loaded, the virtual functions created and no mediated device.
. /guest/doctor.sh

nic=$(card_of 0x8086 0x10d3)
folder=/sys/bus/pci/devices/$nic
override() { cat "/sys/bus/pci/devices/$1/driver_override"; }
/sbin/modprobe e1000e
/sbin/modprobe vfio_iommu_type1
same "passthrough: the network card's own driver" e1000e "$(driver_of "$nic")"
interface=$(ls "$folder/net")

try "groups" 0 vgpukit passthrough groups
has "... the network card" "$nic"
has "... its driver" "e1000e"
try "groups as JSON" 0 vgpukit -q passthrough groups --format json
its_groups="[g for g in j['groups'] if any(d['address'] == '$nic' for d in g['devices'])]"
json "groups: the network card is alone" "[[d['driver'] for d in g['devices']] for g in $its_groups] == [['e1000e']]"
json "groups: the numbers are the kernel's" "[g['group'] for g in $its_groups] == [$(group_of "$folder")]"

# --- a network card: its own driver, vfio-pci, its own driver

try "bind what is no graphics card" 2 vgpukit passthrough bind "$nic"
has "... says how" "--any-device"
ip link set "$interface" up
for _ in $(seq 50); do [ "$(cat "$folder/net/$interface/operstate")" != up ] || break; sleep 0.1; done
try "bind while the network is up" 1 vgpukit passthrough bind "$nic" --any-device
has "... names it" "the network interface $interface is up"
same "... nothing was touched" e1000e "$(driver_of "$nic")"
ip link set "$interface" down
for _ in $(seq 50); do [ "$(cat "$folder/net/$interface/operstate")" = up ] || break; sleep 0.1; done
try "bind" 0 vgpukit passthrough bind "$nic" --any-device
has "... tells the way" "$nic  e1000e -> vfio-pci"
same "... it is vfio-pci's" vfio-pci "$(driver_of "$nic")"
same "... and stays so" vfio-pci "$(override "$nic")"
no "... the interface is gone" [ -e "/sys/class/net/$interface" ]
try "a VFIO client opens it" 0 vfio_client "$(group_of "$folder")" "$nic"
has "... and reads its configuration space" "vendor 8086 device 10d3"
try "bind again" 0 vgpukit passthrough bind "$nic" --any-device
has "... changes nothing" "as before"
hold "$(group_of "$folder")" "$nic"
try "unbind while a machine has it" 1 vgpukit passthrough unbind "$nic" --any-device
has "... names it" "process $client, vfio_client, has /dev/vfio/$(group_of "$folder") open"
same "... it is still vfio-pci's" vfio-pci "$(driver_of "$nic")"
let_go
try "unbind" 0 vgpukit passthrough unbind "$nic" --any-device
same "... its own driver has it" e1000e "$(driver_of "$nic")"
same "... for any driver that wants it" "(null)" "$(override "$nic")"
yes "... the interface is there" [ -e "/sys/class/net/$interface" ]
no "... nothing is left to undo" [ -e "/run/vgpukit/passthrough-$nic.json" ]

# --- the reference driver's card

try "create a vGPU on the card" 0 vgpukit vgpu create nvidia-1 --uuid $one
try "bind a card with a vGPU" 1 vgpukit passthrough bind "$card" --any-device
has "... names it" "the vGPU $one is on it"
yes "... it is still there" [ -e /sys/bus/mdev/devices/$one ]
try "remove it" 0 vgpukit vgpu remove $one
try "bind the card" 0 vgpukit passthrough bind "$card" --any-device
same "... it is vfio-pci's" vfio-pci "$(driver_of "$card")"
try "a VFIO client opens the card" 0 vfio_client "$(group_of /sys/bus/pci/devices/$card)" "$card"
has "... and reads its configuration space" "vendor 1234 device 11e8"
try "unbind the card" 0 vgpukit passthrough unbind "$card" --any-device
same "... its own driver has it" nvidia "$(driver_of "$card")"
yes "... and offers vGPUs" [ -e "/sys/class/mdev_bus/$card" ]

# --- vfio-pci refuses a card with virtual functions

try "bind a card with virtual functions" 1 vgpukit passthrough bind "$pf" --any-device
has "... names them" "it has 2 virtual functions"
same "... nothing was touched" nvidia "$(driver_of "$pf")"
echo 0 >/run/none
mount --bind /run/none "$device/sriov_numvfs"
try "vfio-pci refuses a card" 1 vgpukit passthrough bind "$pf" --any-device
umount "$device/sriov_numvfs"
has "... is told" "the driver did not take it"
has "... with what became of it" "the card has its old driver again"
same "... which is true" nvidia "$(driver_of "$pf")"
dmesg >$out
has "... the kernel's word" "Cannot bind to PF with SR" # SRIOV, later SR-IOV
/usr/lib/nvidia/sriov-manage -d "$pf"

# --- hooks: run with libvirt's arguments

cat >/usr/bin/systemctl <<'END'
#!/bin/sh
echo "$*" >>/run/systemctl
END
chmod 755 /usr/bin/systemctl
try "hooks install" 0 vgpukit passthrough hooks install "$nic" --domain "win 11" --any-device
hook="/etc/libvirt/hooks/qemu.d/vgpukit-win 11"
libvirt() { echo "<domain/>" | "$hook" "$@"; }
try "hooks: another machine starts" 0 libvirt win10 prepare begin -
try "hooks: what happens in between" 0 libvirt "win 11" started begin -
same "... both change nothing" e1000e "$(driver_of "$nic")"
try "hooks: the machine starts" 0 libvirt "win 11" prepare begin -
same "... it gets the card" vfio-pci "$(driver_of "$nic")"
has_line() { grep -qx "$1" /run/systemctl; }
yes "... the desktop is stopped" has_line "stop display-manager.service"
try "hooks: the machine has ended" 0 libvirt "win 11" stopped end -
same "... libvirt is not done with it yet" vfio-pci "$(driver_of "$nic")"
try "hooks: libvirt has let go of it" 0 libvirt "win 11" release end -
same "... the host has the card" e1000e "$(driver_of "$nic")"
same "... the desktop is started last" "start display-manager.service" "$(tail -n 1 /run/systemctl)"
try "hooks remove" 0 vgpukit passthrough hooks remove --domain "win 11"
no "... it is gone" [ -e "$hook" ]
try "hooks remove again" 2 vgpukit passthrough hooks remove --domain "win 11"
rm /usr/bin/systemctl
