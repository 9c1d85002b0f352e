# Runs inside an initramfs, when its drivers are loaded. The arguments are the drivers that the devices must have:
# ADDRESS=DRIVER.
export PATH=/look
. /look/checks.sh
dmesg -n 1
dmesg >$out
echo # the initramfs may not have ended its last line
line=$(cat /proc/cmdline)
case " $line " in *" intel_iommu=on "*) has "intel_iommu=on has an effect" "DMAR: IOMMU enabled" ;; esac
case " $line " in *" iommu=pt "*) has "so has iommu=pt" "domain type: Passthrough (set via kernel command" ;; esac
for word; do
  card=${word%=*} want=${word#*=} device=/sys/bus/pci/devices/${word%=*}
  yes "the machine has $card" [ -e $device ]
  # nouveau looks at the card, finds no video BIOS and gives it up, with a warning that `quiet` keeps off the console.
  if [ "$want" = nouveau ]; then has "nouveau looked at it" "nouveau $card: NVIDIA"; want=; fi
  same "its driver is ${want:-no other one}" "$want" "$(driver_of $card)"
  if [ "$want" = vfio-pci ]; then
    yes "its group is in /dev/vfio" [ -c "/dev/vfio/$(group_of $device)" ]
  else
    same "its driver_override is not set" "(null)" "$(cat $device/driver_override)"
  fi
done
grep -E "vfio|nouveau|nvidia|NVRM|IOMMU|Command line" $out | sed 's/^/# /'
finish boot
poweroff -f
