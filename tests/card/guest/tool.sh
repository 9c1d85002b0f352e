# vgpukit's commands with three cards of the same kind: with NVIDIA's modules, then with the reference driver.
. /guest/checks.sh

dmesg -n 1
set -- $(card_of 0x10de 0x1bb3)
one=$1 two=$2 three=$3
folder=/sys/bus/pci/devices/$one
same "the guest has three cards" 3 $#
mknod /dev/nvidiactl c 195 255
in_gpus() { [ -e "/proc/driver/nvidia/gpus/$1" ]; }
# use FILE: a program ($user) keeps the file open, until it is killed.
use() {
  sleep 1000 3<"$1" &
  user=$!
}

# --- load, unload, reload

try "load" 0 vgpukit load
for module in nvidia nvidia_uvm nvidia_modeset nvidia_drm; do yes "... $module" loaded $module; done
for card in "$@"; do
  same "nvidia has $card" nvidia "$(driver_of "$card")"
  yes "... and shows it" in_gpus "$card"
done
for file in /dev/nvidiactl /dev/dri/card0; do
  use $file
  try "unload while a program has $file" 1 vgpukit unload
  has "... names it" "sleep (pid $user) has $file"
  try "no service has it" 1 vgpukit unload --stop-holders
  has "... so it is not stopped" "it is no service, so vgpukit does not stop it"
  kill $user
done
make_service
systemctl start nvidia-persistenced.service
try "reload while a service has it" 1 vgpukit reload
has "... names it" "nvidia-persistenced.service) has /dev/nvidiactl"
try "reload stops and starts it" 0 vgpukit reload --stop-holders
same "... in that order" "start stop start" "$(cut -d' ' -f1 /run/systemctl | tr '\n' ' ' | sed 's/ $//')"
yes "... modules" loaded nvidia_drm
yes "... the card is there again" in_gpus "$one"
try "unload stops it" 0 vgpukit unload --stop-holders
for module in nvidia nvidia_uvm nvidia_modeset nvidia_drm; do no "... $module" loaded $module; done
try "load one module" 0 vgpukit load nvidia-uvm
no "... not those that it does not need" loaded nvidia_modeset
try "load the others" 0 vgpukit load

# --- cards with the same ids

try "doctor" 1 vgpukit doctor
for card in "$@"; do has "... names $card" "card.driver $card: the driver nvidia has the card"; done
lacks "... no fault of a card" "fail     card."
try "groups" 0 vgpukit passthrough groups
has "... has a card by its name" "$two  10de:1bb3  Tesla P4 (GP104, Pascal)  driver: nvidia"
try "plan for one of them" 0 vgpukit passthrough plan "$one"
has "... says how it tells them apart" "by address: $two, which stays with the host, has the ids of $one, 10de:1bb3"
has "... by the address" "each '$one=v000010DEd00001BB3'"

# --- ROMs: right, changed, erased

try "the ROM that is right" 0 vgpukit passthrough rom "$one" --output /run/rom
has "... its images" "EFI     10de:1bb3  at 512, 512 bytes"
lacks "... nothing is wrong" "!"
try "... the file, too" 0 vgpukit passthrough rom /run/rom
try "the ROM with a wrong byte and without EFI" 1 vgpukit passthrough rom "$two"
has "... the sum" "the bytes of its legacy image do not add up to 0"
has "... the flag" "its last image is missing"
has "... EFI" "it has no EFI image"
try "the ROM that is erased" 1 vgpukit passthrough rom "$three"
has "... says so" "the kernel sees no ROM at the card's address (no 55 AA)"
lacks "... no advice that cannot help" "primary display"

# --- bind, and a machine that opens the card

use /dev/dri/card0
try "bind while a program has the card" 1 vgpukit passthrough bind "$one"
has "... names it" "process $user, sleep, has /dev/dri/card0 open"
same "... nothing was touched" nvidia "$(driver_of "$one")"
kill $user
use /dev/nvidiactl
try "bind while a program has the driver" 0 vgpukit passthrough bind "$one"
kill $user
same "... it is vfio-pci's" vfio-pci "$(driver_of "$one")"
no "... and not NVIDIA's" in_gpus "$one"
same "... the other is NVIDIA's" nvidia "$(driver_of "$two")"
yes "... still" in_gpus "$two"
same "... it sleeps" suspended "$(cat "$folder/power/runtime_status")"
try "its ROM" 0 vgpukit passthrough rom "$one"
same "... it may sleep again" auto "$(cat "$folder/power/control")"
try "a VFIO client opens it" 0 vfio_client "$(group_of "$folder")" "$one"
has "... and reads its configuration space" "vendor 10de device 1bb3"
hold "$(group_of "$folder")" "$one"
try "unbind while a machine has it" 1 vgpukit passthrough unbind "$one"
has "... names it" "process $client, vfio_client, has /dev/vfio/$(group_of "$folder") open"
let_go
try "unload" 0 vgpukit unload
try "load" 0 vgpukit load
has "... says who has the other card" "the card $one is not bound to nvidia: vfio-pci has it"
has "... and what gives it back" "vgpukit passthrough unbind $one"
try "unbind" 0 vgpukit passthrough unbind "$one"
same "... it is NVIDIA's" nvidia "$(driver_of "$one")"
yes "... again" in_gpus "$one"

# --- no card is left for NVIDIA's driver, which does not load then

for card in "$two" "$three"; do try "bind $card" 0 vgpukit passthrough bind "$card"; done
use /dev/nvidiactl
try "bind the last one, with the driver in use" 1 vgpukit passthrough bind "$one" --single-gpu
has "... says how to find out" "vgpukit unload names what uses NVIDIA's modules"
same "... nothing has changed" nvidia "$(driver_of "$one")"
yes "... all modules are back" loaded nvidia_drm
kill $user
try "bind the last one" 0 vgpukit passthrough bind "$one" --single-gpu
same "... it is vfio-pci's" vfio-pci "$(driver_of "$one")"
no "... the driver is unloaded" loaded nvidia
try "load" 1 vgpukit load
has "... says why not" "the driver vfio-pci has the card"
try "unbind the last one" 0 vgpukit passthrough unbind "$one" --single-gpu
same "... it is NVIDIA's" nvidia "$(driver_of "$one")"
for module in nvidia_uvm nvidia_modeset nvidia_drm; do yes "... $module is back" loaded $module; done
for card in "$two" "$three"; do
  try "unbind $card" 0 vgpukit passthrough unbind "$card"
  yes "... it is NVIDIA's" in_gpus "$card"
done
# As after a boot at which vfio-pci took them: there is no record of the old driver.
for card in "$@"; do try "bind $card" 0 vgpukit passthrough bind "$card"; done
rm /run/vgpukit/passthrough-*.json
try "unload" 0 vgpukit unload
for card in "$@"; do
  try "unbind $card without a record" 0 vgpukit passthrough unbind "$card"
  yes "... it is NVIDIA's" in_gpus "$card"
done
try "unload" 0 vgpukit unload

# --- vGPUs with the reference driver

try "load the reference driver" 0 vgpukit load --from /modules/reference
echo "10de 1bb3" >/sys/bus/pci/drivers/nvidia/new_id
same "... it has the card" nvidia "$(driver_of "$two")"
try "doctor" 1 vgpukit doctor
has "... the types" "ok       vgpu.types $two: the card offers 3 vGPU types"
try "types" 0 vgpukit vgpu types --card "$two"
has "... by name" "GRID REF-1Q"
try "create" 0 vgpukit vgpu create REF-1Q --card "$two"
uuid=$(tail -n 1 $out)
yes "... it is there" [ -e "/sys/bus/pci/devices/$two/$uuid" ]
try "list" 0 vgpukit vgpu list
has "... has it" "$uuid  $two  nvidia-1"
try "a VFIO client opens it" 0 vfio_client "$(group_of "/sys/bus/mdev/devices/$uuid")" "$uuid"
try "bind a card with a vGPU" 1 vgpukit passthrough bind "$two" --single-gpu
has "... names it" "the vGPU $uuid is on it (vgpukit vgpu remove $uuid)"
lacks "... no advice that cannot help" "--single-gpu"
try "bind the other card" 0 vgpukit passthrough bind "$one"
try "unbind it" 0 vgpukit passthrough unbind "$one"
try "remove" 0 vgpukit vgpu remove "$uuid"
no "... it is gone" [ -e "/sys/bus/mdev/devices/$uuid" ]
try "unload" 0 vgpukit unload

dmesg >/run/kernel.log
errors='BUG:|kernel BUG|Oops|WARNING:|UBSAN|CFI failure|scheduling while atomic|Call Trace'
same "the kernel reported no error" "" "$(grep -E "$errors" /run/kernel.log)"
finish tool
