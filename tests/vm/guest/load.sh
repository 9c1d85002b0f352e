# One cell of a matrix: loads every module that was built, and unloads it.
. /guest/checks.sh

modules=$(cd "/lib/modules/$(uname -r)/updates" && ls | sed -n 's/\.ko$//p' | sort | tr '\n' ' ')
back=
yes "there are modules to load" [ -n "$modules" ]
for module in $modules; do
  try "load $module" 0 /sbin/modprobe "$module"
  yes "$module is there" loaded "$(echo "$module" | tr - _)"
  back="$module $back"
done
for module in $back; do
  # modprobe -r may have unloaded it with another module.
  ! loaded "$(echo "$module" | tr - _)" || try "unload $module" 0 /sbin/modprobe -r "$module"
  no "$module is gone" loaded "$(echo "$module" | tr - _)"
done
same "the kernel reported no error" "" "$(dmesg | grep -iE 'BUG:|Oops|WARNING:')"
finish load
