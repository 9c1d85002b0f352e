# The third boot: apply makes what MIG needs, none of which survives a reboot.
. /guest/checks.sh

pf=$(card_of 0x1b36 0x0010)
device=/sys/bus/pci/devices/$pf
mkdir -p /usr/lib/nvidia
cp /guest/sriov-manage /usr/lib/nvidia/
cp /guest/nvidia-smi /usr/bin/

try "load" 0 vgpukit load --from /modules/gpl
echo "1b36 0010" >/sys/bus/pci/drivers/nvidia/new_id
try "types before" 0 vgpukit vgpu types --card "$pf"
has "... MIG mode" "MIG mode: Disabled"
has "... what it takes" "gpu-instances for the card in vgpus.yaml, then vgpukit vgpu apply"
try "apply" 0 vgpukit vgpu apply
same "... MIG mode" 1 "$(cat $device/reference/mig_mode)"
same "... the virtual functions" 2 "$(cat $device/sriov_numvfs)"
same "... the GPU instances" 2 "$(cat $device/reference/gpu_instances)"
for function in virtfn0 virtfn1; do
  same "... the vGPU" 3 "$(cat $device/$function/nvidia/current_vgpu_type)"
  same "... its parameters" disable_vnc=1 "$(cat $device/$function/nvidia/vgpu_params)"
done
try "apply with nothing to do" 0 vgpukit vgpu apply
has "... says so" "nothing to do"

# --- a physical function with a vGPU in use is not touched

vf=$(basename "$(readlink $device/virtfn0)")
hold "$(group_of $device/virtfn0)" "$vf"
sed -i 's/1g.2gb, count: 2/1g.2gb, count: 3/' /etc/vgpukit/vgpus.yaml
try "another instance while a vGPU is in use" 1 vgpukit vgpu apply --prune
has "... says why" "GPU instances are missing, and nothing of that is changed while the card has vGPUs"
same "... the card is the driver's" nvidia "$(driver_of "$pf")"
same "... with its instances" 2 "$(cat $device/reference/gpu_instances)"
yes "... the program still runs" kill -0 $client
let_go
finish third
