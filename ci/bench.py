"""The measurements of ci/bench.sh. Arguments: TOP ROOT RELEASE DRIVER, and the options of bench.sh."""
import concurrent.futures, glob, json, os, re, shutil, subprocess, sys, tempfile, time

top, root, release, driver, *flags = sys.argv[1:]
vgpukit = f"{top}/build-bench/vgpukit"
jobs = len(os.sched_getaffinity(0))
work = tempfile.mkdtemp(prefix="vgpukit-bench-")
inside = tempfile.mkdtemp(prefix="bench-", dir=f"{root}/var/tmp")  # of the builder root
env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": work, "VGPUKIT_DATA": top,
       "VGPUKIT_STATE": work + "/state", "VGPUKIT_CACHE": work + "/cache"}
on = ["--root", root, "--kernel", release]
ticks = os.sysconf("SC_CLK_TCK")
raw = {}


def own(pid):
    """Peak memory in MB and CPU time in s of the process itself. wait4 would include its compilers."""
    try:
        with open(f"/proc/{pid}/status") as lines:
            peak = max((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), default=0) / 1024
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return peak, (int(fields[11]) + int(fields[12])) / ticks
    except (OSError, IndexError):
        return 0, 0


def run(argv, expected=0):
    start, peak, cpu = time.monotonic(), 0, 0
    with tempfile.TemporaryFile() as err:
        child = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=err)
        while True:
            now_peak, now_cpu = own(child.pid)
            peak, cpu = max(peak, now_peak), max(cpu, now_cpu)
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            time.sleep(0.005)
        wall = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != expected:
            err.seek(0)
            sys.exit(f"{' '.join(argv)}: exit {child.returncode}\n{err.read().decode(errors='replace')[-4000:]}")
    return {"wall_s": round(wall, 3), "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
            "own_cpu_s": round(cpu, 3), "own_peak_mb": round(peak, 1), "peak_mb": round(usage.ru_maxrss / 1024, 1)}


def measure(*words, times=1, expected=0):
    return min((run([vgpukit, *words], expected) for _ in range(times)), key=lambda row: row["wall_s"])


def sources(name):
    """Makes a new copy of the driver's kernel folder in the root."""
    folder = f"{inside}/{name}"
    os.makedirs(folder)
    subprocess.run(["tar", "-xf", driver, "-C", folder], check=True)
    return os.path.dirname(glob.glob(f"{folder}/**/conftest.sh", recursive=True)[0])


def make(tree, *words):
    seen = tree[len(root):] if root != "/" else tree
    return run(["chroot", root, "make", f"-j{jobs}", "-C", seen, "modules", f"KERNEL_UNAME={release}", *words])


def forget():
    """Removes everything that vgpukit has stored."""
    for folder in ("state", "cache"):
        shutil.rmtree(f"{work}/{folder}", ignore_errors=True)
    for record in glob.glob(f"{root}/var/tmp/*/.vgpukit-objects"):
        shutil.rmtree(os.path.dirname(record), ignore_errors=True)


# For scripts of dkms-root: runs a program in the root and writes what it took.
TIMED = """timed() { local file=$1; shift; env -i PATH=/usr/bin:/bin python3 -c '
import json, os, subprocess, sys, time
start = time.monotonic()
child = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={"PATH":
  "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"})
said = child.stdout.read()
_, status, usage = os.wait4(child.pid, 0)
with open(sys.argv[1], "w") as file:
    json.dump({"wall_s": round(time.monotonic() - start, 3), "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
               "own_cpu_s": 0, "own_peak_mb": 0, "peak_mb": round(usage.ru_maxrss / 1024, 1)}, file)
if status:
    sys.exit(said.decode(errors="replace")[-4000:])
' "$file" chroot "$ROOT" "$@"; }
"""


def in_dkms_root(script):
    folder = tempfile.mkdtemp(dir=work)
    done = subprocess.run([f"{top}/tests/integration/tools/dkms-root", os.path.basename(root), folder, TIMED + script],
                          env=dict(os.environ, PATH=f"{os.path.dirname(vgpukit)}:{os.environ['PATH']}"),
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.stderr[-4000:])
    found = {}
    for file in glob.glob(f"{folder}/*.json"):
        with open(file) as row:
            found[os.path.basename(file)[:-5]] = json.load(row)
    return found


def kernel_upgrade(result):
    """A new kernel arrives: plain dkms with NVIDIA's tree, the hook with ours, and the hook after a rehearsal."""
    modules = ["nvidia", "nvidia-uvm", "nvidia-modeset", "nvidia-drm", "nvidia-peermem"]
    rows = in_dkms_root(f"""
mkdir -p $ROOT/usr/src/nvidia-bench-1 && tar -xf {driver} -C $ROOT/usr/src/nvidia-bench-1 --strip-components=2
cat > $ROOT/usr/src/nvidia-bench-1/dkms.conf <<'CONF'
PACKAGE_NAME="nvidia-bench"
PACKAGE_VERSION="1"
MAKE[0]="'make' -j{jobs} KERNEL_UNAME=${{kernelver}} modules"
""" + "".join(f'BUILT_MODULE_NAME[{i}]="{name}"\nDEST_MODULE_LOCATION[{i}]="/updates/dkms"\n' for i, name in
              enumerate(modules)) + f"""CONF
cp {driver} $ROOT/srv/driver.tar
in_root $ROOT dkms add -m nvidia-bench -v 1
timed plain.json dkms install -m nvidia-bench -v 1 -k {release}
in_root $ROOT dkms remove -m nvidia-bench -v 1 --all
rm -r $ROOT/usr/src/nvidia-bench-1
in_root $ROOT env PATH=/usr/local/bin:/usr/sbin:/usr/bin \\
  vgpukit install /srv/driver.tar --without-nvidia-installer --kernel {release}
version=$(basename $ROOT/var/lib/dkms/nvidia/*/)
new_kernel() {{ in_root $ROOT dkms remove -m nvidia -v $version -k {release}; }}
new_kernel
timed rehearsed.json vgpukit hook run {release}
new_kernel
rm -r $ROOT/var/lib/vgpukit/built $ROOT/var/cache/vgpukit
timed hook.json vgpukit hook run {release}
""")
    raw["plain dkms, a new kernel"] = rows["plain"]
    raw["the hook, a new kernel"] = rows["hook"]
    raw["the hook, after a rehearsal"] = rows["rehearsed"]
    for key, row in (("dkms_upgrade_vs_dkms", "hook"), ("dkms_upgrade_rehearsed_vs_dkms", "rehearsed")):
        result[key] = round(rows[row]["wall_s"] / rows["plain"]["wall_s"], 3)
        result[key + "_cpu"] = round(rows[row]["cpu_s"] / rows["plain"]["cpu_s"], 3)


def quickstart(result):
    """From nothing to the first verified module, without the debootstrap of the machine itself."""
    said = subprocess.run([f"{top}/ci/fresh.sh", "bookworm"], check=True, stdout=subprocess.PIPE, text=True).stdout
    total, root_seconds = re.search(r"green in (\d+) s: root (\d+)", said).groups()
    result["quickstart_seconds"] = int(total) - int(root_seconds)


def elsewhere():
    """Builds for another root with the same kernel, headers and tools."""
    folder = tempfile.mkdtemp(dir=work)
    for name in ("up", "work", "root"):
        os.mkdir(f"{folder}/{name}")
    overlay = f"lowerdir={root},upperdir={folder}/up,workdir={folder}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", overlay, f"{folder}/root"], check=True)
    try:
        return measure("build", driver, "--root", f"{folder}/root", "--kernel", release)
    finally:
        subprocess.run(["umount", f"{folder}/root"], check=False)


def commands_in(tree):
    """The commands that kbuild recorded: object -> shell command."""
    found = {}
    for file in glob.glob(f"{tree}/**/.*.cmd", recursive=True):
        with open(file, errors="replace") as text:
            line = re.match(r"(?:saved)?cmd_(\S+) := (.*)", text.readline())
        if line:
            found[line[1]] = line[2].replace("$$", "$").replace("$(pound)", "#")
    return found


def replay(commands, at_once):
    folder = f"/lib/modules/{release}/build"  # as a path of the root, so that its own links are followed

    def one_command(command):
        return subprocess.run(["chroot", root, "/bin/sh", "-c", f"cd {folder} && {command}"], env=env,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    start, before = time.monotonic(), os.times()
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        done = list(pool.map(one_command, commands))
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    bad = next((one for one in done if one.returncode), None)
    if bad:
        sys.exit("one of kbuild's own commands fails: " + bad.stderr.decode(errors="replace")[-2000:])
    return {"wall_s": round(time.monotonic() - start, 3), "own_cpu_s": 0, "own_peak_mb": 0, "cpu_s": round(cpu, 3)}


def whole_builds(result):
    # Interleaved, so that other load on the machine affects all of them.
    forget()
    raw["vgpukit build, cold"] = measure("build", driver, *on, "--keep-objects")
    report = json.load(open(glob.glob(f"{work}/state/built/*/{release}/build.json")[0]))
    raw["vgpukit build, cold"]["phases_s"] = report["seconds"]
    raw["vgpukit build, nothing changed"] = measure("build", driver, *on, times=7)
    raw["vgpukit build, the same headers in another root"] = elsewhere()
    tree = sources("make")
    raw["make modules"] = make(tree)
    every = commands_in(tree)
    compiles = [line for name, line in every.items() if name.endswith(".o") and " -c -o " in line]
    raw["the limit: the compiles alone"] = replay(compiles, jobs)
    # One more recipe, for one C file.
    os.makedirs(f"{work}/recipes")
    with open(f"{work}/recipes/bench.yaml", "w") as file:
        file.write("id: bench\nsummary: one file is changed\nwhen: {kernel: '>=4'}\ntransforms:\n"
                   "  - replace: {files: 'nvidia-drm/nvidia-drm-linux.c',\n"
                   "              find: 'MODULE_INFO(supported, \"external\");',\n"
                   "              with: 'MODULE_INFO(supported, \"external\"); MODULE_INFO(bench, \"1\");'}\n")
    raw["vgpukit build, one recipe more"] = measure("build", driver, *on, "--keep-objects",
                                                    "--recipes", f"{work}/recipes")
    touched = [line for name, line in every.items() if name.endswith("nvidia-drm/nvidia-drm-linux.o")]
    links = [line for name, line in every.items() if name.endswith(("/nvidia-drm.o", "/nvidia-drm.ko"))]
    links.sort(key=lambda line: ".ko" in line)
    raw["that file's compile and its module's links"] = replay(touched + links, 1)
    os.utime(f"{tree}/nvidia-drm/nvidia-drm-linux.c")
    raw["make modules, that file touched"] = make(tree)
    # The modules of a vGPU host.
    forget()
    raw["vgpukit build --modules nvidia, cold"] = measure("build", driver, *on, "--modules", "nvidia")
    raw["make modules, nvidia alone"] = make(sources("nvidia"), "NV_KERNEL_MODULES=nvidia")
    # The driver's conftest: make's and vgpukit's.
    shutil.rmtree(f"{work}/cache", ignore_errors=True)
    done = subprocess.run([f"{top}/build-bench/conftest_compare", root, release, sources("conftest")], env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    raw["conftest"] = json.loads(done.stdout)
    cold = raw["vgpukit build, cold"]
    warm = raw["vgpukit build, nothing changed"]

    def ratio(one, other):
        return round(raw[one]["wall_s"] / raw[other]["wall_s"], 3)

    result.update({
        "cold_vs_dkms": ratio("vgpukit build, cold", "plain dkms, a new kernel"),
        "cold_vs_make": ratio("vgpukit build, cold", "make modules"),
        "second_kernel_vs_first": ratio("vgpukit build, the same headers in another root", "vgpukit build, cold"),
        "cold_vs_limit": ratio("vgpukit build, cold", "the limit: the compiles alone"),
        "vgpu_set_vs_make": ratio("vgpukit build --modules nvidia, cold", "make modules, nvidia alone"),
        "conftest_vs_make": round(raw["conftest"]["engine_seconds"] / raw["conftest"]["make_seconds"], 3),
        "conftest_cached_seconds": round(raw["conftest"]["cached_seconds"], 3),
        "warm_seconds": warm["wall_s"], "warm_mb": warm["own_peak_mb"],
        "recipe_change_vs_file": ratio("vgpukit build, one recipe more", "that file's compile and its module's links"),
        "recipe_change_vs_make": ratio("vgpukit build, one recipe more", "make modules, that file touched"),
        "own_cpu_share": round(cold["own_cpu_s"] / cold["cpu_s"], 4)})


def sandbox(result):
    """What the sandbox costs, of processor time: at most 2 % are wanted."""
    builds = {"reference": ["reference", "--accept", "gpl-export"]}
    if "--quick" not in flags:
        builds["nvidia"] = [driver, "--modules", "nvidia"]
    for name, words in builds.items():
        rows = {}
        for _ in range(3):
            for how in ("", ", --no-sandbox"):
                forget()
                rows.setdefault(how, []).append(measure("build", *words, *on, *how[2:].split()))
        for how, all_rows in rows.items():
            raw[f"{name}: build, cold{how}"] = min(all_rows, key=lambda row: row["cpu_s"])
        with_it, without = (raw[f"{name}: build, cold{how}"] for how in rows)
        result[f"sandbox_cpu_{name}"] = round(with_it["cpu_s"] / without["cpu_s"], 3)


def planning(result):
    raw["driver info, first (extraction)"] = measure("driver", "info", driver)
    raw["driver info, extracted"] = measure("driver", "info", driver, times=5)
    raw["plan, no facts cached"] = measure("plan", driver, *on)
    raw["plan, cached facts"] = measure("plan", driver, *on, times=7)
    # 300 recipes: copies of the shipped ones under other names.
    os.makedirs(f"{work}/many")
    shipped = sorted(glob.glob(f"{top}/recipes/*.yaml"))
    for i in range(300 - len(shipped)):
        with open(shipped[i % len(shipped)]) as one, open(f"{work}/many/{i}.yaml", "w") as copy:
            copy.write(re.sub(r"^id: (.*)$", rf"id: \1-again-{i}", one.read(), count=1, flags=re.M))
    raw["plan, 300 recipes, cached facts"] = measure("plan", driver, *on, "--recipes", f"{work}/many", times=7)
    raw["patch (tree and history), cached facts"] = measure("patch", driver, *on, "--output", f"{work}/tree")
    raw["reference: build, cold"] = measure("build", "reference", *on, "--accept", "gpl-export")
    raw["reference: build, nothing changed"] = measure("build", "reference", *on, "--accept", "gpl-export", times=7)
    result["plan_ms"] = round(raw["plan, 300 recipes, cached facts"]["wall_s"] * 1000)
    result["plan_shipped_ms"] = round(raw["plan, cached facts"]["wall_s"] * 1000)


def hook(result):
    """The time of a hook for a kernel that has its modules already. The target is 200 ms."""
    hooked = f"{work}/hooked"
    os.makedirs(f"{hooked}/var/lib/vgpukit/install")
    measure("build", "reference", *on, "--accept", "gpl-export", "--output", f"{hooked}/built")
    os.makedirs(f"{hooked}/lib/modules/{release}/updates")
    os.rename(f"{hooked}/built", f"{hooked}/lib/modules/{release}/updates/dkms")
    with open(f"{hooked}/var/lib/vgpukit/install/installed.json", "w") as file:
        json.dump({"version": "535.0.1", "modules": ["nvidia", "nvidia-vgpu-vfio"]}, file)
    raw["hook run, nothing to do"] = measure("--root", hooked, "hook", "run", release, times=7)
    result["hook_ms"] = round(raw["hook run, nothing to do"]["wall_s"] * 1000)


def matrix(result):
    """The cost of a matrix without its cells' builds, and of 50 unchanged cells.

    The 50 cells are the same driver under other names, each with a copy of the first one's result.
    """
    path = f"{work}/matrix.yaml"

    def matrix_of(count):
        with open(path, "w") as file:
            file.write("drivers:\n")
            for i in range(count):
                file.write(f"- {{name: r{i}, driver: reference, accept: gpl-export}}\n")
            file.write(f"kernels: [{{name: k, root: {root}, kernel: {json.dumps(release)}}}]\n")

    matrix_of(1)
    raw["matrix: one cell"] = measure("matrix", "run", path, "--output", f"{work}/matrix.json")
    with open(f"{work}/matrix.json") as file:
        raw["matrix: one cell"]["cells_cpu_s"] = round(sum(cell["cpu_seconds"] for cell in json.load(file)["cells"]), 3)
    cells = next(folder for folder, _, _ in os.walk(work + "/state/matrix") if folder.endswith("/cells"))
    for i in range(1, 50):
        with open(f"{cells}/r0@k.json") as one, open(f"{cells}/r{i}@k.json", "w") as copy:
            json.dump(dict(json.load(one), driver=f"r{i}"), copy)
    matrix_of(50)
    raw["matrix: 50 cells, nothing changed"] = measure("matrix", "run", path, "--output", f"{work}/matrix.json",
                                                      times=5)
    with open(f"{work}/matrix.json") as file:
        if not all(cell["unchanged"] for cell in json.load(file)["cells"]):
            sys.exit("a cell was built again although nothing had changed")
    result["matrix_50_unchanged_seconds"] = raw["matrix: 50 cells, nothing changed"]["wall_s"]
    result["matrix_cpu_vs_cells"] = round(raw["matrix: one cell"]["cpu_s"] / raw["matrix: one cell"]["cells_cpu_s"], 3)


def large_hosts(result):
    """8 cards with 32 virtual functions each, all of them vGPUs; 1,000 definitions.

    Targets: vgpu 50 ms, doctor 200 ms, groups 20 ms.
    """
    for kind in ("sriov-mdev", "vendor-vfio"):
        host = f"{work}/{kind}"
        subprocess.run([sys.executable, f"{top}/tests/tools/vgpu_tree.py", host, kind, "--cards", "8",
                        "--functions", "32", "--devices", "256"], check=True)
        os.makedirs(f"{host}/etc/vgpukit")
        listed = subprocess.run([vgpukit, "--root", host, "vgpu", "list", "--format", "json"], env=env, check=True,
                                stdout=subprocess.PIPE)
        names = [one["name"] for one in json.loads(listed.stdout)["devices"]]
        with open(f"{host}/etc/vgpukit/vgpus.yaml", "w") as file:
            file.write("vgpus:\n")
            for card in range(8):
                uuids = json.dumps(names[32 * card:32 * card + 32])
                devices = "count: 32" if kind == "vendor-vfio" else f"uuids: {uuids}"
                file.write(f'- {{card: "0000:{0x41 + card:02x}:00.0", type: nvidia-61, {devices}}}\n')
        raw[f"vgpu types, 256 on {kind}"] = measure("--root", host, "vgpu", "types", times=7)
        raw[f"vgpu list, 256 on {kind}"] = measure("--root", host, "vgpu", "list", times=7)
        raw[f"vgpu apply, nothing to do, {kind}"] = measure("--root", host, "vgpu", "apply", times=7)
    raw["doctor, 264 devices"] = measure("--root", host, "doctor", times=7, expected=1)  # this host has findings
    raw["passthrough groups, 264 devices"] = measure("--root", host, "passthrough", "groups", times=7)
    # A host that is to have 1,000 vGPUs, each with a file of mdevctl's.
    host = f"{work}/definitions"
    subprocess.run([sys.executable, f"{top}/tests/tools/vgpu_tree.py", host, "mdev", "--cards", "8"], check=True)
    for i in range(1000):
        folder = f"{host}/etc/mdevctl.d/0000:{0x41 + i % 8:02x}:00.0"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/{i:08x}-0000-4000-8000-000000000000", "w") as file:
            file.write(json.dumps({"mdev_type": "nvidia-61", "start": "auto",
                                   "attrs": [{"nvidia/vgpu_params": "disable_vnc=1"}]}))
    raw["vgpu list, 1000 definitions"] = measure("--root", host, "vgpu", "list", times=7)
    result["vgpu_ms"] = round(max(row["wall_s"] for name, row in raw.items() if name.startswith("vgpu ")) * 1000)
    result["doctor_ms"] = round(raw["doctor, 264 devices"]["wall_s"] * 1000)
    result["groups_ms"] = round(raw["passthrough groups, 264 devices"]["wall_s"] * 1000)


try:
    result = {"driver": os.path.basename(driver), "kernel": release, "processors": jobs}
    parts = [sandbox, planning, hook, matrix, large_hosts]
    if "--quick" not in flags:
        parts = [kernel_upgrade, whole_builds, *parts]
    if "--quickstart" in flags:
        parts.append(quickstart)
    for part in parts:
        if "--only" not in flags or part.__name__ == flags[flags.index("--only") + 1]:
            part(result)
except BaseException:
    print(json.dumps({"measured before the failure": raw}, indent=2), file=sys.stderr)
    raise
finally:
    forget()
    shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(inside, ignore_errors=True)
if "--json" in flags:
    print(json.dumps(dict(result, raw=raw), indent=2))
else:
    print(f"{'what':46} {'wall s':>8} {'CPU s':>8} {'own MB':>8} {'peak MB':>8}")
    for name, row in raw.items():
        if "wall_s" in row:
            print(f"{name:46} {row['wall_s']:8.3f} {row['cpu_s']:8.3f} {row['own_peak_mb']:8.1f} "
                  f"{row.get('peak_mb', 0):8.1f}")
    print()
    for name, value in result.items():
        print(f"{name:46} {value:>8}")
