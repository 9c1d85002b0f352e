# Functions that all stages use. Every check prints one line; run.py counts them.
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

# try NAME STATUS COMMAND...: checks the exit status and leaves the output in $out.
try() {
  name=$1 want=$2
  shift 2
  "$@" >$out 2>&1
  got=$?
  if [ $got = "$want" ]; then ok "$name"; else not_ok "$name" "exit status $got, not $want: $*"; fi
}
# has NAME TEXT: the last output contains the text.
has() { if grep -qF -- "$2" $out; then ok "$1"; else not_ok "$1" "the output lacks: $2"; fi; }
lacks() { if grep -qF -- "$2" $out; then not_ok "$1" "the output has: $2"; else ok "$1"; fi; }
# same NAME WANT GOT
same() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "wanted '$2', got '$3'"; fi; }
yes() { name=$1; shift; if "$@"; then ok "$name"; else not_ok "$name" "$*"; fi; }
no() { name=$1; shift; if "$@"; then not_ok "$name" "$*"; else ok "$name"; fi; }

loaded() { [ -e "/sys/module/$1" ]; }
driver_of() { [ ! -e "/sys/bus/pci/devices/$1/driver" ] || basename "$(readlink "/sys/bus/pci/devices/$1/driver")"; }
group_of() { basename "$(readlink "$1/iommu_group")"; }

card_of() { # VENDOR DEVICE
  for device in /sys/bus/pci/devices/*; do
    [ "$(cat "$device/vendor"):$(cat "$device/device")" = "$1:$2" ] && basename "$device"
  done
}

# hold GROUP DEVICE: a program ($client) keeps the device open until let_go.
hold() {
  >/run/client
  vfio_client "$1" "$2" 600 >/run/client 2>&1 &
  client=$!
  for _ in $(seq 100); do
    ! grep -q open /run/client || return 0
    sleep 0.1
  done
  cp /run/client $out
  not_ok "vfio_client keeps $2 open"
}
let_go() {
  kill $client
  wait $client 2>/dev/null
}

# make_service: systemctl for nvidia-persistenced.service, which has a cgroup as systemd makes it, and opens
# /dev/nvidiactl.
make_service() {
  mkdir -p /sys/fs/cgroup/system.slice/nvidia-persistenced.service
  cat >/usr/bin/systemctl <<'END'
#!/bin/sh
echo "$*" >>/run/systemctl
case $1 in
  is-active) exit 3 ;;
  stop) kill "$(cat /run/persistenced)"; sleep 0.2 ;;
  start) sh -c 'echo $$ >/sys/fs/cgroup/system.slice/nvidia-persistenced.service/cgroup.procs
                echo $$ >/run/persistenced
                exec sleep 1000 3</dev/nvidiactl' >/dev/null 2>&1 & sleep 0.3 ;;
esac
END
  chmod 755 /usr/bin/systemctl
}

# report NAME FILE: the file has the checks of another program, one "ok NAME" or "not ok NAME" a line.
report() {
  while read -r line; do
    case $line in
      "ok "*) ok "$1: ${line#ok }" ;;
      "# "*) echo "$line" ;;
      "not ok "*) cp "$2" $out; not_ok "$1: ${line#not ok }" ;;
    esac
  done <"$2"
  cp "$2" $out
}

# json NAME EXPRESSION: a Python expression over the last output as `j`. run.py evaluates it; the guest has no Python.
json() {
  echo "json $1"
  echo "$2"
  cat $out
  echo "end of json"
}

# The files that the next boot finds in /etc.
carry() { tar -C / -cf - etc/mdevctl.d etc/vgpukit | base64 | sed 's/^/carry /'; }

finish() { echo "end of $1: $checks checks"; }
