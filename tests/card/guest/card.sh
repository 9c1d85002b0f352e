# The driver meets the fake card: loads, looks, uses nvidia-uvm, unloads.
. /guest/checks.sh

modules=/lib/modules/$(uname -r)/updates
dmesg -n 1
card=
for device in /sys/bus/pci/devices/*; do
  [ "$(cat "$device/vendor")" != 0x10de ] || card=$(basename "$device")
done
yes "the guest has the card" [ -n "$card" ]

try "load nvidia" 0 modprobe nvidia
same "nvidia drives the card" nvidia "$(driver_of "$card")"
cat /proc/driver/nvidia/version >$out 2>&1
has "/proc/driver/nvidia/version names the module" "NVRM version:"
cat "/proc/driver/nvidia/gpus/$card/information" >$out 2>&1
has "/proc/driver/nvidia/gpus has the card" "Bus Location"
for module in nvidia-modeset nvidia-uvm nvidia-drm; do
  [ -e "$modules/$module.ko" ] || continue
  options=
  [ $module != nvidia-uvm ] || options=uvm_enable_builtin_tests=1
  try "load $module" 0 modprobe $module $options
  yes "$module is there" loaded "$(echo $module | tr - _)"
done

if loaded nvidia_drm; then
  try "/dev/dri/card0 opens" 0 sh -c 'exec 3<>/dev/dri/card0'
fi
# The driver starts the card when /dev/nvidia0 is opened. Nothing is behind the registers, so that has to fail, and
# nothing else may.
mknod /dev/nvidia0 c 195 0
try "/dev/nvidia0 does not open" 1 cat /dev/nvidia0
has "... because the card does not start" "Input/output error"

if loaded nvidia_uvm; then
  # 470 leaves managed memory to a child; later branches do not.
  inherited=
  ! grep -q ' 4[0-9][0-9]\.' /proc/driver/nvidia/version || inherited=inherited
  uvm_exercise $inherited >/run/uvm 2>&1
  report uvm /run/uvm
  has "uvm: the exercise came to its end" "UVM_TEST_RB_TREE_DIRECTED"
fi

for module in nvidia-drm nvidia-uvm nvidia-modeset nvidia; do
  name=$(echo $module | tr - _)
  loaded "$name" || continue
  try "unload $module" 0 rmmod $module
  no "$module is gone" loaded "$name"
done
no "/proc/driver/nvidia is gone" [ -e /proc/driver/nvidia ]
# Reports that an untouched driver causes as well: a shift by 64 in UVM_TEST_PERF_UTILS_SANITY, and the stack that 550's
# proprietary modules do not free if the card does not start.
known='UBSAN: shift-out-of-bounds in .*uvm_perf_utils.h|nvidia_stack_cache.*(Objects remaining|still has objects)'
dmesg | awk -v known="$known" '$0 ~ known {on = 1} !on; /end trace/ {on = 0}' >/run/kernel.log
errors='BUG:|kernel BUG|Oops|WARNING:|UBSAN|CFI failure|scheduling while atomic|Call Trace'
same "the kernel reported no error" "" "$(grep -E "$errors" /run/kernel.log)"
grep -E 'NVRM|nvidia' /run/kernel.log | head -n 50 | sed 's/^/# /'
finish card
