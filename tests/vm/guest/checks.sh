# What the stages share. Every check prints one line; the runner counts them.
checks=0
out=/run/out # what the last command printed

ok() { checks=$((checks + 1)); echo "ok $1"; }
not_ok() {
  checks=$((checks + 1))
  echo "not ok $1"
  shift
  [ $# = 0 ] || echo "  $*"
  sed 's/^/  | /' $out
  dmesg | tail -n 6 | sed 's/^/  kernel: /'
}

# try NAME STATUS COMMAND...: the exit status is checked, the output stays in $out for has.
try() {
  name=$1 want=$2
  shift 2
  "$@" >$out 2>&1
  got=$?
  if [ $got = "$want" ]; then ok "$name"; else not_ok "$name" "exit status $got, not $want: $*"; fi
}
# has NAME TEXT: the last output holds it.
has() { if grep -qF -- "$2" $out; then ok "$1"; else not_ok "$1" "the output lacks: $2"; fi; }
lacks() { if grep -qF -- "$2" $out; then not_ok "$1" "the output has: $2"; else ok "$1"; fi; }
# same NAME WANT GOT
same() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "wanted '$2', got '$3'"; fi; }
yes() { name=$1; shift; if "$@"; then ok "$name"; else not_ok "$name" "$*"; fi; }
no() { name=$1; shift; if "$@"; then not_ok "$name" "$*"; else ok "$name"; fi; }

loaded() { [ -e "/sys/module/$1" ]; }
group_of() { basename "$(readlink "$1/iommu_group")"; }

card_of() { # VENDOR DEVICE
  for device in /sys/bus/pci/devices/*; do
    [ "$(cat "$device/vendor"):$(cat "$device/device")" = "$1:$2" ] && basename "$device"
  done
}

finish() { echo "end of $1: $checks checks"; }
