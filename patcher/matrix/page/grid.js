// The grid with its filters and search. cell.js opens a cell.

const data = JSON.parse(document.getElementById('data').textContent);
const $ = (id) => document.getElementById(id);

// An element with attributes and children. Text is never interpreted as HTML.
function el(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {}))
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? '' : value);
  made.append(...children.filter((child) => child !== undefined && child !== ''));
  return made;
}

const count = (number, one, many) => `${number} ${number === 1 ? one : many || one + 's'}`;
const seconds = (time) =>
    time < 600 ? `${time < 9.95 ? time.toFixed(1) : Math.round(time)} s` : `${Math.round(time / 60)} min`;
const verdictOf = (cell) => data.verdicts[cell.verdict];
const nameOf = (cell) => `${data.drivers[cell.driver].name} on ${data.kernels[cell.kernel].name}`;

// The meaning of each verdict.
const meanings = {
  works: 'built, verified, and used by this kernel in a guest with a fake card; this proves nothing about the chip',
  loads: 'built, verified, and loaded by this kernel in a guest; this proves nothing about its use',
  verified: 'built, and the kernel would load every module; nothing has run',
  compiled: 'compiled and verified, except for what the package\u2019s missing binary object would define',
  failed: 'not built, or refused by the verification',
  missing: 'a driver, a root, headers or a compiler is missing',
  consent: 'a notice was not accepted',
  unsupported: 'the matrix file says so, with a reason',
  skipped: 'the driver or the root is missing, and the matrix file says that it may be',
};

const grid = $('grid');
const scroll = $('scroll');
const columns = data.kernels.length;
const rows = [];       // {element, cells: the <td> of each column}
const elementOf = [];  // of each of data.cells
const cellOf = new Map();
let current = null;  // the <td> that the keyboard is at

function searchText(cell) {
  const driver = data.drivers[cell.driver], kernel = data.kernels[cell.kernel];
  const words = [
    nameOf(cell), driver.version, driver.flavour, kernel.release, kernel.compiler, verdictOf(cell).word, cell.reason,
    cell.change
  ];
  for (const place of cell.recipes || []) {
    const [recipe, state] = data.decisions[place];
    if (state === 'applies') words.push(data.recipes[recipe].id);
  }
  for (const error of cell.errors || []) words.push(error.message, error.subject);
  return words.filter(Boolean).join('\n').toLowerCase();
}

function draw() {
  const dense = columns > 12;
  if (dense) grid.classList.add('dense');
  const heads = data.kernels.map(
      (kernel) =>
          el('th', {scope: 'col', title: [kernel.name, kernel.release, kernel.compiler].filter(Boolean).join('\n')},
             el('div', {}, kernel.name,
                kernel.release && kernel.release !== kernel.name ? el('small', {}, kernel.release) : '')));
  const body = el('tbody');
  data.drivers.forEach((driver) => {
    const head =
        el('th', {scope: 'row', title: [driver.name, driver.version, driver.flavour].filter(Boolean).join('\n')},
           driver.name);
    if (driver.version && driver.version !== driver.name)
      head.append(el('small', {}, `${driver.version} ${driver.flavour || ''}`));
    const element = el('tr', {}, head);
    const cells = data.kernels.map(() => document.createElement('td'));
    element.append(...cells);
    body.append(element);
    rows.push({element, cells});
  });
  data.cells.forEach((cell, number) => {
    const verdict = verdictOf(cell);
    const td = rows[cell.driver].cells[cell.kernel];
    const facts = [];
    if (cell.applied) facts.push(count(cell.applied, 'recipe'));
    if (cell.seconds && verdict.tried) facts.push(seconds(cell.seconds));
    td.className = verdict.word + (cell.change ? ' changed' : '');
    const symbol = document.createElement('b');
    symbol.textContent = verdict.symbol;
    td.append(symbol);
    if (!dense) td.append(el('span', {}, facts.join(', ') || verdict.word));
    td.tabIndex = -1;
    td.setAttribute('role', 'gridcell');
    td.setAttribute(
        'aria-label', `${nameOf(cell)}: ${[verdict.word, ...facts, cell.change].filter(Boolean).join(', ')}`);
    elementOf[number] = td;
    cellOf.set(td, cell);
    cell.text = searchText(cell);
  });
  grid.append(
      el('thead', {}, el('tr', {}, el('th', {scope: 'col'}, el('span', {class: 'unseen'}, 'driver')), ...heads)), body);
  rows.heads = heads;
  current = elementOf[0];
  if (current) current.tabIndex = 0;
}

// ---- filters

const chosen = new Set();  // verdicts; none is all
let changedOnly = false;

function filter() {
  const words = $('search').value.toLowerCase().split(/\s+/).filter(Boolean);
  const all = words.length === 0 && chosen.size === 0 && !changedOnly;
  const rowSeen = new Uint8Array(rows.length), columnSeen = new Uint8Array(columns);
  let shown = 0;
  data.cells.forEach((cell, number) => {
    const is = all ||
        ((chosen.size === 0 || chosen.has(cell.verdict)) && (!changedOnly || cell.change !== undefined) &&
         words.every((word) => cell.text.includes(word)));
    if (is) {
      ++shown;
      rowSeen[cell.driver] = columnSeen[cell.kernel] = 1;
    }
    if (is === (cell.off === true)) {
      cell.off = !is;
      elementOf[number].classList.toggle('off', !is);
    }
  });
  rows.forEach((row, number) => {
    row.element.hidden = !rowSeen[number];
  });
  for (let column = 0; column < columns; ++column) {
    if (rows.heads[column].hidden === !columnSeen[column]) continue;
    rows.heads[column].hidden = !columnSeen[column];
    for (const row of rows) row.cells[column].hidden = !columnSeen[column];
  }
  $('shown').textContent = all ? '' : `${count(shown, 'cell')} of ${data.cells.length}`;
  $('nothing').hidden = shown > 0;
  scroll.hidden = shown === 0;
  // The focus enters the table at a visible cell.
  const now = current && cellOf.get(current);
  if (now && now.off && shown > 0) makeCurrent(elementOf[data.cells.findIndex((cell) => !cell.off)]);
}

let waiting = 0;
function filterSoon() {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(filter);
}

function showAll() {
  $('search').value = '';
  chosen.clear();
  changedOnly = false;
  for (const button of $('filters').children) button.setAttribute('aria-pressed', 'false');
  filter();
}

function drawFilters() {
  const numbers = data.verdicts.map((_, verdict) => data.cells.filter((cell) => cell.verdict === verdict).length);
  const add = (kind, symbol, text, title, toggle) => {
    const button =
        el('button', {type: 'button', class: kind, title, 'aria-pressed': 'false'},
           el('span', {class: 'symbol', 'aria-hidden': 'true'}, symbol), text);
    button.addEventListener('click', () => {
      button.setAttribute('aria-pressed', String(toggle()));
      filter();
    });
    $('filters').append(button);
  };
  data.verdicts.forEach((verdict, number) => {
    if (numbers[number] === 0) return;
    $('bar').append(el('span', {class: verdict.word, style: `flex: ${numbers[number]} 1 0`}));
    add(verdict.word, verdict.symbol, `${verdict.word} ${numbers[number]}`, meanings[verdict.word],
        () => chosen.delete(number) ? false : Boolean(chosen.add(number)));
  });
  const changed = data.cells.filter((cell) => cell.change !== undefined).length;
  if (data.baseline)
    add('changed', '◥', `changed ${changed}`, `not as in ${data.baseline.name}`, () => (changedOnly = !changedOnly));
  const wanted = data.cells.filter((cell) => !['unsupported', 'skipped'].includes(verdictOf(cell).word));
  const green = wanted.filter((cell) => ['verified', 'compiled'].includes(verdictOf(cell).word)).length;
  $('total').textContent = `${green} of ${count(wanted.length, 'cell')} green · ${
      count(data.drivers.length, 'driver')} on ${count(columns, 'kernel')}`;
  $('about').textContent =
      `vgpukit ${data.vgpukit} · ${data.file}${data.baseline ? ` · compared with ${data.baseline.name}` : ''}`;
}

// A link to a cell, for the lists above the table.
function drawLists() {
  const fill = (box, title, lines) => {
    if (lines.length === 0) return;
    box.hidden = false;
    box.querySelector('summary').textContent = title;
    box.querySelector('ul').append(...lines.map(([cell, name, text]) => {
      if (!cell) return el('li', {class: 'soft'}, `${name}: ${text}`);
      const button = el('button', {type: 'button'}, name);
      button.addEventListener('click', () => openCell(cell));
      return el('li', {}, button, ` ${text}`);
    }));
  };
  if (data.baseline) {
    const changed =
        data.cells.filter((cell) => cell.change !== undefined).map((cell) => [cell, nameOf(cell), cell.change]);
    const gone = data.baseline.gone.map((one) => [null, `${one.driver} on ${one.kernel}`, one.change]);
    fill(
        $('changes'),
        `What changed since ${data.baseline.name}: ${count(changed.length, 'cell')}${
            gone.length ? `, and ${gone.length} gone` : ''}`,
        [...changed, ...gone]);
  }
  fill(
      $('contradictions'), 'Results that contradict each other: the same inputs gave different verdicts',
      data.contradictions.map((one) => {
        const name = `${one.driver} on ${one.kernel}`;
        return [
          data.cells.find((cell) => nameOf(cell) === name), name,
          `${one.verdict_one} in ${one.one}, ${one.verdict_other} in ${one.other}`
        ];
      }));
}

// ---- keyboard

function makeCurrent(td) {
  if (current) current.tabIndex = -1;
  current = td;
  td.tabIndex = 0;
}

// The next visible cell from `cell` in a direction. Positions without a cell are skipped.
function nextCell(cell, down, right) {
  let row = cell.driver + down, column = cell.kernel + right;
  while (row >= 0 && row < rows.length && column >= 0 && column < columns) {
    const td = rows[row].cells[column];
    if (!rows[row].element.hidden && !td.hidden && cellOf.has(td)) return td;
    row += down;
    column += right;
  }
  return null;
}

function farthest(cell, down, right, most) {
  let found = null;
  for (let next = nextCell(cell, down, right); next && most > 0; next = nextCell(cellOf.get(next), down, right), --most)
    found = next;
  return found;
}

grid.addEventListener('keydown', (event) => {
  const cell = cellOf.get(event.target);
  if (!cell || event.altKey || event.metaKey) return;
  const whole = event.ctrlKey ? Infinity : 1;
  const moves = {
    ArrowUp: [-1, 0, whole],
    ArrowDown: [1, 0, whole],
    ArrowLeft: [0, -1, whole],
    ArrowRight: [0, 1, whole],
    Home: [0, -1, Infinity],
    End: [0, 1, Infinity],
    PageUp: [-1, 0, 10],
    PageDown: [1, 0, 10],
  };
  if (event.key === 'Enter' || event.key === ' ') {
    event.preventDefault();
    openCell(cell);
  } else if (moves[event.key]) {
    event.preventDefault();
    const to = farthest(cell, ...moves[event.key]);
    if (to) to.focus();
  }
});

grid.addEventListener('click', (event) => {
  const cell = cellOf.get(event.target.closest('td'));
  if (cell) openCell(cell);
});

// Highlights the names of the cell's row and column.
let lit = [];
function light(td) {
  const cell = cellOf.get(td);
  for (const head of lit) head.classList.remove('here');
  lit = cell ? [rows[cell.driver].element.firstChild, rows.heads[cell.kernel]] : [];
  for (const head of lit) head.classList.add('here');
}
grid.addEventListener('pointerover', (event) => light(event.target.closest('td')));
grid.addEventListener('pointerleave', () => light(document.activeElement));
grid.addEventListener('focusin', (event) => {
  if (!cellOf.has(event.target)) return;
  makeCurrent(event.target);
  light(event.target);
  showInGrid(event.target);
});

// Scrolls so that the fixed row and column names do not cover the cell.
function showInGrid(td) {
  td.scrollIntoView({block: 'nearest', inline: 'nearest'});
  const area = scroll.getBoundingClientRect(), box = td.getBoundingClientRect();
  const left = area.left + td.parentNode.firstChild.offsetWidth, top = area.top + grid.tHead.offsetHeight;
  if (box.left < left) scroll.scrollLeft -= left - box.left + 2;
  if (box.top < top) scroll.scrollTop -= top - box.top + 2;
}

document.addEventListener('keydown', (event) => {
  const typing = event.target.matches('input');
  if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    $('search').focus();
    $('search').select();
  } else if (event.key === 'Escape' && closeCell()) {
    event.preventDefault();
  } else if (event.key === 'Escape') {
    showAll();
  } else if (event.key === 'ArrowDown' && typing && current && !scroll.hidden) {
    event.preventDefault();
    current.focus();
  }
});
$('search').addEventListener('input', filterSoon);
$('clear').addEventListener('click', () => {
  showAll();
  $('search').focus();
});
