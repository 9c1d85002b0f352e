// Checks the output of `vgpukit matrix emit` with GitHub's workflow schema, Kubernetes' OpenAPI schema, and a GitLab
// runner on this machine.
import assert from 'node:assert/strict';
import {execFileSync, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {fileURLToPath} from 'node:url';
import YAML from 'yaml';
import {vgpukit, work, write} from './browser.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const tool = (name) => path.join(here, 'node_modules/.bin', name);

// A repository with a matrix of this many drivers and kernels, none of which exist.
function repository(name, drivers, kernels, text) {
  const folder = path.join(work, name);
  fs.rmSync(folder, {recursive: true, force: true});
  fs.mkdirSync(folder, {recursive: true});
  const list = (count, one) => Array.from({length: count}, (_, i) => one(i));
  fs.writeFileSync(
    path.join(folder, 'm.yaml'),
    text ||
      YAML.stringify({
        drivers: list(drivers, (i) => ({name: `d${i}`, driver: `./d${i}`})),
        kernels: list(kernels, (i) => ({name: `k${i}`, root: `./k${i}`, kernel: '6.1'}))
      })
  );
  return folder;
}
const emit = (folder, ...args) =>
  execFileSync(vgpukit, ['matrix', 'emit', 'm.yaml', ...args], {cwd: folder, encoding: 'utf8'});
const refused = (folder, ...args) => spawnSync(vgpukit, ['matrix', 'emit', ...args], {cwd: folder, encoding: 'utf8'});

function checkWorkflow(text) {
  return spawnSync(
    process.execPath,
    [path.join(here, 'node_modules/@action-validator/cli/cli.mjs'), write('workflow.yml', text)],
    {cwd: work, encoding: 'utf8'}
  );
}

test('GitHub: the workflow is one, with and without an image', () => {
  const folder = repository('github', 3, 2);
  for (const more of [[], ['--image', 'debian:trixie', '--setup', 'ci/setup.sh "a b": #\n', '--max-jobs', '4']]) {
    const text = emit(folder, '--format', 'github', ...more);
    const checked = checkWorkflow(text);
    assert.equal(checked.status, 0, checked.stdout + checked.stderr);
    const flow = YAML.parse(text);
    assert.equal(flow.jobs.cell.strategy.matrix.include, '${{ fromJSON(needs.list.outputs.parts) }}');
    assert.equal(flow.jobs.list.container, more[1]);
    if (more.length) assert.equal(flow.jobs.cell.steps[1].run, more[3]);
    assert.match(text, new RegExp(`--max-jobs ${more.length ? 4 : 256} `));
  }
  const broken = checkWorkflow(emit(folder, '--format', 'github').replace('runs-on:', 'run-on:'));
  assert.notEqual(broken.status, 0); // the check can fail
});

test('GitHub: the cells become at most 256 jobs, each cell in one', () => {
  const folder = repository('many', 30, 20);
  const list = (...args) =>
    JSON.parse(
      execFileSync(vgpukit, ['matrix', 'list', 'm.yaml', '--format', 'json', ...args], {
        cwd: folder,
        maxBuffer: 1 << 26
      })
    );
  const all = list();
  assert.equal(all.cells.length, 600);
  assert.equal(all.parts.length, 256);
  assert.deepEqual(all.parts[0], {name: 'd0 on k0 and 2 more', shard: '1/256'});
  assert.deepEqual(all.parts[255], {name: 'd12 on k15 and 1 more', shard: '256/256'});
  const few = list('--max-jobs', '7').parts;
  const seen = few.flatMap((part) => list('--shard', part.shard).cells.map((cell) => `${cell.driver} ${cell.kernel}`));
  assert.equal(new Set(seen).size, 600);
  assert.equal(seen.length, 600);
});

test('GitLab: a parallel matrix of at most 200 jobs', () => {
  const few = YAML.parse(
    emit(repository('gitlab', 1, 3), '--format', 'gitlab', '--image', 'debian:trixie', '--setup', 'ci/setup.sh')
  );
  assert.deepEqual(
    few.cell.parallel.matrix,
    [1, 2, 3].map((i) => ({CELL: `d0 on k${i - 1}`, SHARD: `${i}/3`}))
  );
  assert.deepEqual(few.default.before_script, ['ci/setup.sh']);
  assert.equal(YAML.parse(emit(repository('gitlab', 20, 20), '--format', 'gitlab')).cell.parallel.matrix.length, 200);
});

// Three cells on a runner on this machine: two that can be built with the roots of CI_CELLS, and an unsupported one.
test(
  'GitLab: a runner takes the pipeline, and the report has every cell',
  {skip: !process.env.CI_CELLS && 'needs builder roots'},
  () => {
    const folder = repository('runner', 0, 0, process.env.CI_CELLS);
    execFileSync('git', ['init', '-q', folder]);
    fs.writeFileSync(path.join(folder, '.gitlab-ci.yml'), emit(folder, '--format', 'gitlab'));
    fs.writeFileSync(path.join(folder, '.gitignore'), '.gitlab-ci-local\n');
    for (const args of [
      ['add', '.'],
      ['-c', 'user.name=t', '-c', 'user.email=t@t', 'commit', '-qm', 'matrix'],
      ['remote', 'add', 'origin', 'git@example.test:a/b.git']
    ])
      execFileSync('git', ['-C', folder, ...args]);
    const ran = spawnSync(process.execPath, [tool('gitlab-ci-local'), '--force-shell-executor'], {
      cwd: folder,
      encoding: 'utf8',
      env: {...process.env, PATH: `${path.dirname(vgpukit)}:${process.env.PATH}`}
    });
    assert.equal(ran.status, 0, ran.stdout + ran.stderr);
    const artifacts = [folder, path.join(folder, '.gitlab-ci-local/artifacts/report')].find((at) =>
      fs.existsSync(path.join(at, 'matrix.json'))
    );
    assert.ok(artifacts, ran.stdout);
    const result = JSON.parse(fs.readFileSync(path.join(artifacts, 'matrix.json')));
    assert.deepEqual(result.cells.map((cell) => cell.verdict).sort(), ['unsupported', 'verified', 'verified']);
    assert.match(
      fs.readFileSync(path.join(artifacts, 'matrix.html'), 'utf8'),
      /<script type="application\/json" id="data">/
    );
  }
);

test('Kubernetes: an indexed job, and one that joins', async () => {
  const {Job} = await import('kubernetes-models/batch/v1/Job');
  const {ConfigMap} = await import('kubernetes-models/v1/ConfigMap');
  const {PersistentVolumeClaim} = await import('kubernetes-models/v1/PersistentVolumeClaim');
  const folder = repository('kubernetes', 30, 50);
  const text = emit(folder, '--format', 'kubernetes', '--image', 'vgpukit:1', '--setup', 'echo "hello: there"');
  const [config, claim, cells, report] = YAML.parseAllDocuments(text).map((document) => document.toJS());
  new ConfigMap(config).validate();
  new PersistentVolumeClaim(claim).validate();
  for (const job of [cells, report]) new Job(job).validate();
  assert.throws(() => new Job({...cells, spec: {...cells.spec, completions: 'many'}}).validate()); // the check can fail
  assert.equal(config.data['matrix.yaml'], fs.readFileSync(path.join(folder, 'm.yaml'), 'utf8'));
  assert.equal(cells.spec.completionMode, 'Indexed');
  assert.equal(cells.spec.completions, 1000); // of 1500 cells
  assert.equal(report.spec.suspend, true);
  const script = cells.spec.template.spec.containers[0].command[2];
  assert.match(script, /^echo "hello: there"\n/);
  // The script, with a vgpukit that records its arguments.
  const bin = path.join(work, 'bin'),
    results = path.join(work, 'results');
  for (const dir of [bin, results]) fs.mkdirSync(dir, {recursive: true});
  fs.writeFileSync(
    path.join(bin, 'vgpukit'),
    '#!/bin/sh\necho "$@" >> "$ASKED"\nfor last; do :; done\n[ -n "$DIES" ] || echo "{}" > "$last"\nexit 1\n',
    {mode: 0o755}
  );
  const pod = (more) =>
    spawnSync('/bin/sh', ['-ec', script.replaceAll('/results', results)], {
      encoding: 'utf8',
      env: {PATH: `${bin}:${process.env.PATH}`, ASKED: path.join(work, 'asked'), JOB_COMPLETION_INDEX: '41', ...more}
    });
  assert.equal(pod({}).status, 0); // a cell that fails is a result
  assert.match(
    fs.readFileSync(path.join(work, 'asked'), 'utf8'),
    /matrix run \/matrix\/matrix\.yaml --shard 42\/1000 --output .*41-of-1000\.json/
  );
  assert.notEqual(pod({DIES: '1'}).status, 0); // a pod without a result is tried again, even if an earlier pod left one
});

test('what cannot be emitted is said', () => {
  const folder = repository('refused', 1, 1);
  fs.copyFileSync(path.join(folder, 'm.yaml'), path.join(folder, 'a b.yaml'));
  const no = (pattern, ...args) => {
    const tried = refused(folder, ...args);
    assert.equal(tried.status, 2, args.join(' '));
    assert.match(tried.stderr, pattern);
    assert.equal(tried.stdout, '');
  };
  no(/--image NAME/, 'm.yaml', '--format', 'kubernetes');
  no(/repository/, path.join(folder, 'm.yaml'), '--format', 'github');
  no(/a shell would change this name/, 'a b.yaml', '--format', 'gitlab');
  no(/nowhere\.yaml/, 'nowhere.yaml', '--format', 'gitlab');
  no(/--format/, 'm.yaml', '--format', 'jenkins');
});
