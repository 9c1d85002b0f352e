// Shows one cell beside the grid. Its name is in the address, for links.

const panel = $('cell');
let opened = null;

function addressOf(cell) {
  return '#' + encodeURIComponent(`${data.drivers[cell.driver].name}@${data.kernels[cell.kernel].name}`);
}

function openCell(cell) {
  if (opened) elementOf[data.cells.indexOf(opened)].removeAttribute('aria-selected');
  opened = cell;
  const td = elementOf[data.cells.indexOf(cell)];
  td.setAttribute('aria-selected', 'true');
  makeCurrent(td);
  panel.replaceChildren(...partsOf(cell));
  panel.hidden = false;
  document.body.classList.add('open');
  panel.scrollTop = 0;
  if (!td.hidden && !td.parentNode.hidden) showInGrid(td);
  $('cell-title').focus({preventScroll: true});
  if (location.hash !== addressOf(cell)) history.replaceState(null, '', addressOf(cell));
}

// Returns whether a cell was open. Moves the focus back.
function closeCell() {
  if (!opened) return false;
  const td = elementOf[data.cells.indexOf(opened)];
  td.removeAttribute('aria-selected');
  opened = null;
  panel.hidden = true;
  document.body.classList.remove('open');
  history.replaceState(null, '', location.pathname + location.search);
  if (!td.hidden && !td.parentNode.hidden)
    td.focus();
  else
    $('search').focus();
  return true;
}

function partsOf(cell) {
  const verdict = verdictOf(cell);
  const close = el('button', {type: 'button', 'aria-label': 'Close'}, '✕');
  close.addEventListener('click', closeCell);
  const parts = [
    el('div', {class: 'top'}, el('span', {class: `mark ${verdict.word}`}, `${verdict.symbol} ${verdict.word}`),
       el('h2', {id: 'cell-title', tabindex: '-1'}, nameOf(cell)), close),
    el('p', {}, meanings[verdict.word] || ''),
  ];
  if (cell.unchanged)
    parts.push(
        el('p', {class: 'soft'}, 'Taken from an earlier run: driver, headers, compiler and recipes are the same.'));
  if (cell.change !== undefined) parts.push(el('p', {class: 'note'}, `Since ${data.baseline.name}: ${cell.change}`));
  parts.push(
      ...causeOf(cell), ...commandsOf(cell), ...factsOf(cell), ...loadOf(cell), ...adaptOf(cell), ...recipesOf(cell),
      ...warningsOf(cell), ...diffOf(cell));
  return parts;
}

// ---- why it is not green

function place(error) {
  return error.file ? error.file + (error.line > 0 ? `:${error.line}` : '') : error.tool || '';
}

// What the kernels' headers say about the name in an error.
function apiChangesOf(error) {
  const lines = [];
  if (error.subject) lines.push(el('p', {}, 'About ', el('b', {}, error.subject), '.'));
  const declared = (word, one) => el('li', {}, `${word} ${one.place} of ${one.kernel}: `, el('code', {}, one.text));
  const list = [
    ...(error.declared_before || []).map((one) => declared('was in', one)),
    ...(error.declared_now || []).map((one) => declared('is in', one)),
    ...(error.nearest || [])
        .map(
            (near) =>
                el('li', {}, 'near: ', el('b', {}, near.name), `, ${near.place}: `, el('code', {}, near.text),
                   near.why ? ` (${near.why})` : '')),
  ];
  if (list.length) lines.push(el('ul', {}, ...list));
  if (error.follows) lines.push(el('p', {}, `It follows from ${error.follows}.`));
  if (error.conftest) lines.push(el('p', {}, `The driver\u2019s conftest: ${error.conftest}`));
  return lines;
}

function errorBox(error, verdict) {
  return el(
      'div', {class: `say ${verdict}`},
      el('p', {class: 'message'}, place(error) ? el('code', {}, place(error)) : '', ` ${error.message || ''}`),
      error.hint ? el('p', {class: 'hint'}, `→ ${error.hint}`) : '', ...apiChangesOf(error));
}

function causeOf(cell) {
  const verdict = verdictOf(cell).word;
  const errors = cell.errors || [];
  if (errors.length === 0) {
    if (!cell.reason) return [];
    return [el(
        'div', {class: `say ${verdict}`}, el('p', {class: 'message'}, cell.reason),
        cell.hint ? el('p', {class: 'hint'}, `→ ${cell.hint}`) : '')];
  }
  const parts = [
    el('h3', {}, errors.length > 1 ? `First of ${cell.errors_in_all} errors` : 'The error'),
    errorBox(errors[0], verdict)
  ];
  if (errors.length > 1) {
    const left = cell.errors_in_all - errors.length;
    parts.push(
        el('details', {class: 'more'}, el('summary', {}, `The next ${errors.length - 1}`),
           ...errors.slice(1).map((error) => errorBox(error, verdict)),
           left > 0 ? el('p', {class: 'soft'}, `${left} more are in the log.`) : ''));
  }
  return parts;
}

// ---- how to reproduce it

function quoted(word) {
  return /^[\w./:=+,@%-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function copyable(text) {
  const code = el('code', {tabindex: '0'}, text);
  const button = el('button', {type: 'button'}, 'Copy');
  button.addEventListener('click', async () => {
    getSelection().selectAllChildren(code);  // where the clipboard is closed to us, one key copies it
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Selected';
    }
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 1500);
  });
  return el('div', {class: 'command'}, code, button);
}

function commandsOf(cell) {
  const again = `vgpukit matrix run ${quoted(data.file || 'FILE.yaml')} --only ${quoted(nameOf(cell))}`;
  const parts = [el('h3', {}, 'To reproduce it')];
  if (cell.command) parts.push(copyable(cell.command), el('p', {class: 'soft'}, 'or as this cell of the matrix:'));
  parts.push(copyable(again));
  return parts;
}

// ---- inputs, times and modules

function bytes(size) {
  if (typeof size !== 'number') return '';
  return size < 1 << 20 ? `${(size / 1024).toFixed(1)} KiB` : `${(size / (1 << 20)).toFixed(1)} MiB`;
}

function factsOf(cell) {
  const driver = data.drivers[cell.driver], kernel = data.kernels[cell.kernel];
  const list = el('dl');
  const add = (name, ...value) => {
    if (value.some(Boolean)) list.append(el('dt', {}, name), el('dd', {}, ...value));
  };
  add('driver', [driver.version, driver.flavour && `(${driver.flavour})`].filter(Boolean).join(' '));
  add('kernel', kernel.release);
  add('compiler', kernel.compiler);
  if (cell.seconds) {
    const steps = ['extract', 'plan', 'patch', 'conftest', 'compile', 'verify']
                      .filter((name) => (cell.steps || {})[name] >= 0.05)
                      .map((name) => `${name} ${seconds(cell.steps[name])}`);
    add('time', seconds(cell.seconds) + (steps.length ? ` (${steps.join(', ')})` : ''));
    if (cell.cpu) add('CPU time', seconds(cell.cpu));
  }
  if (cell.conftest && cell.conftest.tests) add('conftest', count(cell.conftest.tests, 'test'));
  for (const [name, size] of cell.modules || []) add(name, bytes(size));
  if ((cell.notices || []).length && verdictOf(cell).tried) add('accepted', cell.notices.join(', '));
  if (cell.log) add('log', el('code', {}, cell.log));
  return list.children.length ? [el('h3', {}, 'The build'), list] : [];
}

// The last lines of the program that loaded the modules.
function loadOf(cell) {
  if (!cell.load || !Array.isArray(cell.load.lines)) return [];
  const heading = {0: 'Loaded', 3: 'Not loaded'}[cell.load.status] || 'Loading failed';
  const time = typeof cell.load.seconds === 'number' ? ` after ${seconds(cell.load.seconds)}` : '';
  return [el(
      'details', {class: 'more', open: cell.load.status !== 0}, el('summary', {}, heading + time),
      el('pre', {tabindex: '0'}, cell.load.lines.join('\n')))];
}

// What vgpukit adapt proposes for a cell that was not built.
function adaptOf(cell) {
  if (!cell.adapt) return [];
  const all = Array.isArray(cell.adapt.proposals) ? cell.adapt.proposals : [];
  const green = cell.adapt.result === 'green';
  const parts = [
    el('h3', {}, 'Proposals of vgpukit adapt'),
    el('p', {}, green ? 'It builds with them. Nobody has read them.' : `It does not build: ${cell.adapt.ended || ''}.`),
  ];
  for (const one of all)
    parts.push(el(
        'details', {class: 'more'}, el('summary', {}, `${one.id}: ${one.change} (${one.class}: ${one.why})`),
        el('pre', {tabindex: '0'}, one.text)));
  if (cell.adapt.command) parts.push(el('p', {class: 'soft'}, el('code', {}, cell.adapt.command)));
  return parts;
}

// ---- recipes

function recipeLine([recipe, state, reason, files], withState) {
  const known = data.recipes[recipe];
  return el(
      'li', {}, el('code', {}, known.id), withState ? el('span', {class: 'state'}, ` ${state}`) : '',
      known.summary ? el('p', {}, known.summary) : '', reason ? el('p', {class: 'soft'}, `because ${reason}`) : '',
      files && files.length ? el('p', {class: 'soft'}, 'changes ', el('code', {}, files.join(', '))) : '');
}

function recipesOf(cell) {
  const all = (cell.recipes || []).map((place) => data.decisions[place]);
  if (all.length === 0) return [];
  const group = (states) => all.filter(([, state]) => states.includes(state));
  const applied = group(['applies']);
  const quiet = ['already fixed', 'not needed'];
  const troubled = all.filter(([, state]) => state !== 'applies' && !quiet.includes(state));
  const parts = [el('h3', {}, applied.length ? `Recipes applied: ${applied.length}` : 'No recipe was needed')];
  if (troubled.length) parts.push(el('ul', {class: 'recipes'}, ...troubled.map((one) => recipeLine(one, true))));
  if (applied.length) parts.push(el('ul', {class: 'recipes'}, ...applied.map((one) => recipeLine(one))));
  for (const state of quiet) {
    const list = group([state]);
    if (list.length)
      parts.push(
          el('details', {class: 'more'}, el('summary', {}, `${state}: ${list.length}`),
             el('ul', {class: 'recipes'}, ...list.map((one) => recipeLine(one)))));
  }
  return parts;
}

function warningsOf(cell) {
  if (!(cell.warnings || []).length) return [];
  return [el('h3', {}, 'Warnings'), el('ul', {}, ...cell.warnings.map((text) => el('li', {}, text)))];
}

// ---- the diff

// Consecutive lines of the same kind are one element: a diff may have tens of thousands of lines.
function coloured(lines) {
  const pre = el('pre', {class: 'diff', tabindex: '0'});
  const kindOf = (line) => line.startsWith('@@') ? 'at' :
      line.startsWith('+')                       ? 'add' :
      line.startsWith('-')                       ? 'del' :
                                                   '';
  for (let from = 0; from < lines.length;) {
    const kind = kindOf(lines[from]);
    let to = from + 1;
    while (to < lines.length && kindOf(lines[to]) === kind) ++to;
    const text = lines.slice(from, to).join('\n');
    if (kind === 'add' || kind === 'del')
      pre.append(el('span', {class: kind}, text));
    else
      pre.append(kind ? el('span', {class: kind}, text + '\n') : text + '\n');
    from = to;
  }
  return pre;
}

function diffOf(cell) {
  if (cell.diff === undefined) return [];
  const files = data.diffs[cell.diff].split(/^(?=diff --git )/m).filter((text) => text.startsWith('diff --git '));
  const parts = [el('h3', {}, `The diff: ${count(files.length, 'file')}`)];
  for (const text of files) {
    const lines = text.replace(/\n$/, '').split('\n');
    const name = (lines[0].match(/ b\/(.*)$/) || [])[1] || lines[0];
    const first = lines.findIndex((line) => line.startsWith('@@'));
    const hunks = first < 0 ? [] : lines.slice(first);
    const plus = hunks.filter((line) => line.startsWith('+')).length,
          minus = hunks.filter((line) => line.startsWith('-')).length;
    const box =
        el('details', {class: 'more', open: files.length <= 3},
           el('summary', {}, el('code', {}, name), ` +${plus} −${minus}`));
    const fill = () => {
      if (box.open && !box.querySelector('pre')) box.append(coloured(hunks));
    };
    fill();
    box.addEventListener('toggle', fill);
    parts.push(box);
  }
  return parts;
}

function openAddressed() {
  let name = '';
  try {
    name = decodeURIComponent(location.hash.slice(1));
  } catch {
    return;  // an address of another form
  }
  const cell = data.cells.find((one) => addressOf(one) === '#' + encodeURIComponent(name));
  if (cell && cell !== opened) openCell(cell);
}

draw();
drawFilters();
drawLists();
openAddressed();
addEventListener('hashchange', openAddressed);
