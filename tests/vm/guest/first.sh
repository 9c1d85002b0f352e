# The first boot: loads and unloads modules, creates and defines vGPUs.
. /guest/checks.sh

card=$(card_of 0x1234 0x11e8)
one=11111111-2222-3333-4444-000000000001
two=11111111-2222-3333-4444-000000000002
free() { cat "/sys/class/mdev_bus/$card/mdev_supported_types/nvidia-$1/available_instances"; }

# --- symbol_get() of a symbol that is not exported GPL-only: refused, explained, and everything is unloaded

try "without the recipe the load fails" 1 vgpukit load --from /modules/plain
has "... the kernel's own words" "failing symbol_get of non-GPLONLY symbol nvidia_vgpu_vfio_get_ops"
has "... what it means" "it asks for nvidia_vgpu_vfio_get_ops with symbol_get()"
has "... what to do" "--accept gpl-export"
no "... nvidia is unloaded again" loaded nvidia

# --- load from a build's folder

try "the plan" 0 vgpukit load --from /modules/gpl --dry-run
same "... the driver's order" "nvidia nvidia_vgpu_vfio" \
  "$(sed -n 's/^\(nvidia[a-z_]*\) .*/\1/p' $out | tr '\n' ' ' | sed 's/ $//')"
has "... VFIO's backend" "vfio_iommu_type1"
has "... KVM" "virtual machines need it"
no "... loads nothing" loaded nvidia
try "load" 0 vgpukit load --from /modules/gpl
for module in nvidia nvidia_vgpu_vfio vfio mdev vfio_iommu_type1 kvm; do yes "... $module" loaded $module; done
try "load again" 0 vgpukit load --from /modules/gpl
has "... says so" "already-loaded"

# --- types, create, remove

try "types" 0 vgpukit vgpu types
has "... by name" "GRID REF-1Q"
same "four instances are available" 4 "$(free 1)"
try "create" 0 vgpukit vgpu create "REF-1Q" --uuid $one
yes "... it is there" [ -e /sys/bus/mdev/devices/$one ]
same "... three instances are available" 3 "$(free 1)"
same "... and for no other type" 0 "$(free 2)"
try "the same UUID again" 2 vgpukit vgpu create nvidia-1 --uuid $one
has "... says why" "there is one of that UUID"
# Hide the devices that vgpukit checks first, as if another program had been faster: the kernel reports the error.
mount -t tmpfs none /sys/bus/mdev/devices
try "the same UUID, made by somebody else meanwhile" 1 vgpukit vgpu create nvidia-1 --uuid $one
has "... EEXIST" "there is a device of that name already (File exists)"
umount /sys/bus/mdev/devices
same "... no instance is lost" 3 "$(free 1)"
for n in 2 3 4; do try "create number $n" 0 vgpukit vgpu create nvidia-1; done
same "... no instance is available" 0 "$(free 1)"
try "one too many" 1 vgpukit vgpu create nvidia-1
has "... says why" "no instance is available"
echo 1 >/run/free
instances=/sys/class/mdev_bus/$card/mdev_supported_types/nvidia-1/available_instances
mount --bind /run/free "$instances"
try "the last one went to somebody else meanwhile" 1 vgpukit vgpu create nvidia-1
has "... ENOSPC" "the card has no available instance of that type (No space left on device)"
umount "$instances"
for device in /sys/bus/mdev/devices/*; do
  uuid=$(basename "$device")
  [ "$uuid" = $one ] || try "remove" 0 vgpukit vgpu remove "$uuid"
done
same "... three instances are available again" 3 "$(free 1)"

# --- a vGPU in use

group=$(group_of /sys/bus/mdev/devices/$one)
try "a VFIO client opens it" 0 vfio_client "$group" $one
has "... and reads its configuration space" "vendor 1234"
hold "$group" $one
try "remove while it is open" 1 vgpukit vgpu remove $one
has "... names the program" "vfio_client, process $client has it"
try "unload while it is open" 1 vgpukit unload --stop-holders
has "... names the program" "vfio_client (pid $client)"
has "... does not end it" "never stopped for you"
yes "... it still runs" kill -0 $client
yes "... nvidia is still there" loaded nvidia
yes "plugin parameters cannot be written while it is open" \
  sh -c "! echo disable_vnc=1 >/sys/bus/mdev/devices/$one/nvidia/vgpu_params"
let_go
try "xml" 0 vgpukit vgpu xml $one
echo "xml hostdev"; cat $out; echo "end of xml"
try "nodedev xml" 0 vgpukit vgpu xml $one --persistent
echo "xml nodedev"; cat $out; echo "end of xml"

# --- plugin parameters

try "a parameter that the driver refuses" 1 vgpukit vgpu create nvidia-1 --param disable_vnc=maybe
has "... says why" "the driver does not accept this value (Invalid argument)"
has "... in the driver's words" "vgpu_params: disable_vnc=maybe is neither 0 nor 1"
same "... leaves no vGPU" 3 "$(free 1)"
try "a vGPU with parameters" 0 vgpukit vgpu create nvidia-1 --param frame_rate_limiter=0 --param my_own=x
uuid=$(tail -n 1 $out)
same "... has them" frame_rate_limiter=0,my_own=x "$(cat /sys/bus/mdev/devices/$uuid/nvidia/vgpu_params)"
try "... list" 0 vgpukit -q vgpu list --format json
params="{'frame_rate_limiter': '0', 'my_own': 'x'}"
json "... shows them" "[d['params'] for d in j['devices'] if d['name'] == '$uuid'] == [$params]"
try "... remove" 0 vgpukit vgpu remove "$uuid"

. /guest/sriov.sh

# --- services like those of systemd: a cgroup each, and systemctl

make_service
systemctl start nvidia-persistenced.service
try "unload while a service uses it" 1 vgpukit unload
has "... names the service" "nvidia-persistenced.service"
has "... says how" "--stop-holders"
yes "... nvidia is still there" loaded nvidia_vgpu_vfio
try "reload stops and starts it" 0 vgpukit reload --stop-holders
same "... in that order" "start stop start" "$(cut -d' ' -f1 /run/systemctl | tr '\n' ' ' | sed 's/ $//')"
yes "... modules" loaded nvidia_vgpu_vfio
yes "... the vGPU is there again" [ -e /sys/bus/mdev/devices/$one ]

# --- an unload that fails halfway is undone: a hidden program has nvidia open

sleep 1000 4</dev/nvidiactl &
hidden=$!
mount -t tmpfs none /proc/$hidden
try "unload while something hidden has it" 1 vgpukit unload --stop-holders
has "... says what is known" "no program or module shows by whom"
yes "... nvidia_vgpu_vfio is put back" loaded nvidia_vgpu_vfio
yes "... the vGPU is put back" [ -e /sys/bus/mdev/devices/$one ]
same "... the service is started again" start "$(tail -n 1 /run/systemctl | cut -d' ' -f1)"
umount /proc/$hidden
kill $hidden
systemctl stop nvidia-persistenced.service
try "unload while a vGPU exists" 1 vgpukit unload
has "... names it" "$one"
try "remove the vGPU" 0 vgpukit vgpu remove $one
try "unload" 0 vgpukit unload
no "... nvidia" loaded nvidia
no "... nvidia_vgpu_vfio" loaded nvidia_vgpu_vfio
try "unload nothing" 0 vgpukit unload
has "... says so" "no module of NVIDIA is loaded"

# --- installed modules and modprobe.d

updates=/lib/modules/$(uname -r)/updates/dkms
mkdir -p "$updates"
cp /modules/gpl/*.ko "$updates"
/sbin/depmod # busybox has a depmod too, but it writes no index for libkmod
echo 'blacklist kvm
options nvidia NVreg_NoSuchParameter=7' >/etc/modprobe.d/nvidia.conf
/sbin/modprobe -r vfio_iommu_type1 kvm
dmesg -c >/dev/null
try "load what is installed" 0 vgpukit load
yes "... nvidia_vgpu_vfio" loaded nvidia_vgpu_vfio
no "... not what is blacklisted" loaded kvm
dmesg >$out
has "... with modprobe.d's parameters" "NVreg_NoSuchParameter"
try "unload what is installed" 0 vgpukit unload
echo 'install nvidia /bin/false' >/etc/modprobe.d/nvidia.conf
try "modprobe.d switches it off" 1 vgpukit load
has "... says so" "switched off in modprobe.d"
no "... nothing is loaded" loaded nvidia_vgpu_vfio
rm /etc/modprobe.d/nvidia.conf
printf 'no module' >"$updates/nvidia.ko"
try "a file that is no module" 1 vgpukit load nvidia
has "... says so" "it is no module for this kernel"
cp /modules/gpl/nvidia.ko "$updates"

# --- definitions, for the boot after the reboot

try "load for the definitions" 0 vgpukit load
try "define" 0 vgpukit vgpu define nvidia-1 --uuid $one --param frame_rate_limiter=0
yes "... in mdevctl's folder" [ -e /etc/mdevctl.d/$card/$one ]
try "mdevctl sees it" 0 mdevctl list --defined
has "... by its UUID" "$one $card nvidia-1"
try "mdevctl defines one, too" 0 mdevctl define --auto --uuid $two --parent $card --type nvidia-1
try "vgpukit sees it" 0 vgpukit vgpu list --defined
has "... by its UUID" "$two"
try "mdevctl starts what vgpukit defined" 0 mdevctl start --uuid $one
yes "... it is there" [ -e /sys/bus/mdev/devices/$one ]
same "... with its parameters" frame_rate_limiter=0 "$(cat /sys/bus/mdev/devices/$one/nvidia/vgpu_params)"
try "mdevctl stops it" 0 mdevctl stop --uuid $one
# The same with the mdevctl of a newer Debian.
three=11111111-2222-3333-4444-000000000003
try "mdevctl 1.4 is what it says" 0 mdevctl14 --version
has "... 1.4" "mdevctl 1.4"
try "mdevctl 1.4 sees both" 0 mdevctl14 list --defined
has "... ours" "$one $card nvidia-1"
has "... its own" "$two $card nvidia-1"
try "mdevctl 1.4 starts what vgpukit defined" 0 mdevctl14 start --uuid $one
try "... vgpukit sees it" 0 vgpukit vgpu list --active
has "... by its UUID" "$one"
try "mdevctl 1.4 stops it" 0 mdevctl14 stop --uuid $one
try "mdevctl 1.4 defines one" 0 mdevctl14 define --auto --uuid $three --parent $card --type nvidia-1
try "vgpukit starts it" 0 vgpukit vgpu apply
yes "... it is there" [ -e /sys/bus/mdev/devices/$three ]
try "mdevctl 1.4 stops what vgpukit started" 0 mdevctl14 stop --uuid $three
try "mdevctl 1.4 forgets it" 0 mdevctl14 undefine --uuid $three
try "vgpukit knows it no more" 0 vgpukit vgpu list --defined
lacks "... its UUID" "$three"
for each in $one $two; do try "remove" 0 vgpukit vgpu remove $each; done
try "the dry run of apply" 0 vgpukit vgpu apply --dry-run
has "... has both" "$one"
has "... has both" "$two"
no "... makes nothing" [ -e /sys/bus/mdev/devices/$two ]
same "the driver made no other noise" "" "$(dmesg | grep -iE 'BUG:|Oops|WARNING:')"

mv /run/vgpus.yaml /etc/vgpukit/vgpus.yaml
carry
finish first
