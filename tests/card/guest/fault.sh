# The card fails as the kernel's parameter fault= says. What vgpukit's load and doctor tell of it.
. /guest/checks.sh

dmesg -n 1
fault=$(sed 's/.*fault=//; s/ .*//' /proc/cmdline)
card=$(card_of 0x10de 0x1bb3)
device=/sys/bus/pci/devices/$card
yes "the guest has the card" [ -n "$card" ]
try "vgpukit loads nvidia" 0 vgpukit load nvidia
# fake_card.py: a byte in the card's vendor-specific capability switches its fault on.
printf '\001' | busybox dd of="$device/config" bs=1 seek=264 conv=notrunc 2>/dev/null
mknod /dev/nvidiactl c 195 255
mknod /dev/nvidia0 c 195 0

# diagnosed NAME TEXT: doctor fails because of the card, and has this line.
diagnosed() {
  try "$1: doctor" 1 vgpukit doctor
  has "$1: doctor says it" "fail     card.log $card: $2"
}
# refused TEXT: the driver does not take the card any more, and the kernel's reason is shown.
refused() {
  try "unload" 0 vgpukit unload
  try "load fails" 1 vgpukit load nvidia
  has "load names the card's state" "$1"
  has "load says what to do" "vgpukit doctor"
}

case $fault in
  off-bus)
    try "the driver cannot start the card" 1 cat /dev/nvidia0
    diagnosed "driver bound" "NVIDIA's driver could not start the card"
    refused "fallen off the bus and is not responding to commands"
    diagnosed "driver refused" "the card has fallen off the bus"
    ;;
  d3cold)
    try "the driver cannot start the card" 1 cat /dev/nvidia0
    refused "Unable to change power state from D3cold to D0, device inaccessible"
    diagnosed "driver refused" "the card does not come back from the power state D3cold"
    has "doctor says how to avoid it" "$device/d3cold_allowed"
    ;;
  reset)
    try "unload first" 0 vgpukit unload
    try "the reset fails" 1 sh -c "echo 1 >$device/reset"
    diagnosed "after the reset" "the card did not come back after a reset"
    try "load fails" 1 vgpukit load nvidia
    ;;
  bar)
    try "the driver cannot start the card" 1 cat /dev/nvidia0
    diagnosed "driver bound" "the firmware gave the card's memory no valid address"
    has "doctor says what to do" "Above 4G Decoding"
    ;;
esac
finish fault
