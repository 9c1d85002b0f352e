// Made-up results of a matrix: any number of cells, every verdict, and text that tries to break out of its element.

export const hostile =
  '</script><script>document.title = "taken"</script><!-- ' +
  '<img src=x onerror="document.title=\'taken\'"> ]]> &amp; \u2028';

const verdicts = [
  'verified',
  'verified',
  'loads',
  'verified',
  'compiled',
  'verified',
  'failed',
  'verified',
  'missing',
  'verified',
  'unsupported',
  'verified',
  'consent',
  'skipped'
];
const explained = {
  tool: 'gcc',
  file: 'nvidia/nv-mmap.c',
  line: 417,
  message: '\u2018struct vm_area_struct\u2019 has no member named \u2018__vm_flags\u2019',
  hint: 'the recipe 6.15-vm-flags-gpl-only fixes this',
  more: ['nvidia-drm/nvidia-drm-gem.c:87'],
  subject: 'field __vm_flags of struct vm_area_struct',
  kind: 'field',
  declared_before: [
    {kernel: '6.12.95+deb12-amd64', place: 'linux/mm_types.h:703', text: 'vm_flags_t __private __vm_flags;'}
  ],
  declared_now: [],
  nearest: [{name: 'vm_flags', place: 'linux/mm_types.h:861', text: 'const vm_flags_t vm_flags;', why: 'same struct'}],
  follows: '',
  conftest: 'nv_vma_flags_present: absent'
};
const diff = `diff --git a/nvidia/nv.c b/nvidia/nv.c
--- a/nvidia/nv.c
+++ b/nvidia/nv.c
@@ -10,4 +10,4 @@ static int nv_open(void)
 {
-    del_timer_sync(&nv->timer);
+    timer_delete_sync(&nv->timer);
     return 0;
 }
diff --git a/nvidia/nv-mmap.c b/nvidia/nv-mmap.c
--- a/nvidia/nv-mmap.c
+++ b/nvidia/nv-mmap.c
@@ -1,2 +1,3 @@
 #include <linux/mm.h>
+#include <linux/mm_types.h> /* ${hostile} */
 #include "nv.h"
`;

function cellOf(driver, kernel, verdict, number) {
  const tried = ['loads', 'verified', 'compiled', 'failed'].includes(verdict);
  const green = tried && verdict !== 'failed';
  const applied = tried
    ? ['6.12-no-llseek-removed', '6.15-del-timer-sync-removed', '6.8-eventfd-signal-one-argument'].slice(
        0,
        1 + (number % 3)
      )
    : [];
  const cell = {
    driver,
    kernel,
    verdict,
    reason: '',
    hint: '',
    recipes: applied,
    seconds: tried ? 20 + (number % 300) + 0.25 : 0,
    cpu_seconds: tried ? 11.5 : 0,
    unchanged: number % 5 === 0 && green,
    inputs: tried ? 'i' + number : '',
    tree: '',
    log: tried ? `/var/lib/vgpukit/matrix/m/cells/${driver}@${kernel}.log` : '',
    run: 'r',
    command:
      tried || verdict === 'consent'
        ? `vgpukit build ${driver} --kernel ${kernel}.0-amd64 --root /srv/roots/${kernel}`
        : '',
    build: null
  };
  if (verdict === 'failed')
    Object.assign(cell, {reason: `nvidia/nv-mmap.c:417: ${explained.message} (and 30 more)`, hint: explained.hint});
  if (verdict === 'missing')
    Object.assign(cell, {
      reason: `cannot find the root of ${kernel}: there is no /srv/roots/${kernel}`,
      hint: 'make it, or name another'
    });
  if (verdict === 'unsupported') cell.reason = 'this driver never knew such a kernel';
  if (verdict === 'skipped') cell.reason = 'these sources cannot be shipped';
  if (verdict === 'consent')
    Object.assign(cell, {reason: 'consent is needed: gpl-export', hint: 'name it under accept: in the matrix file'});
  if (!tried) return cell;
  const states = [
    ['applies', 'this kernel lacks it; the driver uses it: nvidia/nv.c:12'],
    ['not needed', 'the driver has no such call'],
    ['already fixed', 'the driver has the new call']
  ];
  cell.build = {
    driver: {version: `535.${100 + (number % 7)}.02`, flavour: 'vgpu-kvm', path: '/d'},
    kernel: {release: `${kernel}.0-amd64`, compiler: 'gcc-14 (Debian 14.2.0-19) 14.2.0', root: '/r'},
    recipes: [
      ...applied.map((id) => ({
        id,
        state: states[0][0],
        reason: states[0][1],
        summary: `What ${id} does for the driver`,
        files: ['nvidia/nv.c']
      })),
      ...Array.from({length: 24}, (_, i) => ({
        id: `6.${i}-something-else`,
        state: states[1 + (i % 2)][0],
        reason: states[1 + (i % 2)][1],
        summary: 'Another change',
        files: []
      }))
    ],
    modules: green
      ? [
          {name: 'nvidia', bytes: 41234567, path: '', vermagic: '', license: '', hash: ''},
          {name: 'nvidia_vgpu_vfio', bytes: 45440, path: '', vermagic: '', license: '', hash: ''}
        ]
      : [],
    conftest: {tests: 273, seconds: 8.5},
    seconds: {extract: 0.1, plan: 4.2, patch: 0.3, conftest: 8.5, compile: 40.25, verify: 0.02, total: 53.4},
    result: green ? 'built' : 'failed',
    errors: green
      ? []
      : [
          explained,
          ...Array.from({length: 30}, (_, i) => ({
            tool: 'gcc',
            file: 'nvidia/x.c',
            line: i + 1,
            message: `unknown type name \u2018t${i}\u2019`,
            hint: ''
          }))
        ],
    ...(verdict === 'loads'
      ? {load: {seconds: 14.5, status: 0, lines: ['ok load nvidia', 'ok ... /proc/modules has it', hostile]}}
      : {}),
    ...(verdict === 'failed'
      ? {
          adapt: {
            result: 'green',
            ended: '',
            command: 'vgpukit adapt 535 --kernel 7.4-rc2',
            proposals: [
              {
                id: 'adapted-7.4-a',
                class: 'proven',
                change: 'rename-call a -> b',
                why: hostile,
                text: 'id: adapted-7.4-a\n'
              }
            ]
          }
        }
      : {}),
    warnings: [{tool: 'modpost', message: 'missing MODULE_DESCRIPTION() in nvidia.o', file: '', line: 0}],
    notices: [],
    output: '',
    log: cell.log,
    unchanged: false,
    diff
  };
  return cell;
}

export function resultOf(drivers, kernels, change = (cell) => cell) {
  const cells = [];
  for (let d = 0; d < drivers; ++d)
    for (let k = 0; k < kernels; ++k) {
      const number = d * 31 + k * 17;
      const made = change(
        cellOf(`535.${d}-driver`, `6.${k}-kernel`, verdicts[(d * 5 + k * 3) % verdicts.length], number),
        d,
        k
      );
      if (made) cells.push(made);
    }
  return {vgpukit: '0.1.0', file: '/srv/our fleet/matrix.yaml', cells};
}
