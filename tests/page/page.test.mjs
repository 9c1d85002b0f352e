// The page of `vgpukit matrix report --format html` in a browser.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {hostile, resultOf} from './material.mjs';
import {launch, open, picture, report, write} from './browser.mjs';

let browser, small, big;
const phone = {viewport: {width: 390, height: 844}, isMobile: true, hasTouch: true, deviceScaleFactor: 2};

before(async () => {
  browser = await launch();
  const now = resultOf(8, 7, (cell, d, k) => (d === 1 && k === 1 ? {...cell, reason: hostile} : cell));
  now.contradictions = [
    {
      driver: '535.0-driver',
      kernel: '6.0-kernel',
      one: 'a.json',
      verdict_one: 'verified',
      other: 'b.json',
      verdict_other: 'failed'
    }
  ];
  const then = resultOf(9, 7, (cell, d, k) => {
    if (d === 0 && k === 2) return null;
    return d === 3 && k === 2 ? {...cell, verdict: 'failed', reason: 'it was bad'} : cell;
  });
  small = write(
    'small.html',
    report(write('small.json', now), '--format', 'html', '--baseline', write('then.json', then))
  );
  big = write('big.html', report(write('big.json', resultOf(100, 100)), '--format', 'html'));
});
after(() => browser.close());

async function on(file, options, look) {
  const page = await open(browser, file, options);
  await look(page);
  assert.deepEqual(page.problems, []);
  await page.context().close();
}
const cell = (page, name) => page.locator(`td[aria-label^="${name}:"]`);
const visible = (page) => page.locator('#grid td:not(.off):visible').count();
const focused = (page) =>
  page.evaluate(() => document.activeElement.getAttribute('aria-label') || document.activeElement.id);

test('a symbol, a word and a colour tell each verdict', () =>
  on(small, {}, async (page) => {
    assert.equal(await page.locator('#grid tbody tr').count(), 8);
    assert.equal(await page.locator('#grid td').count(), 56);
    assert.match(await page.locator('#total').innerText(), /of \d+ cells green · 8 drivers on 7 kernels/);
    const failed = page.locator('td.failed').first();
    assert.equal(await failed.locator('b').innerText(), '✘');
    const colours = await page.evaluate(() =>
      ['loads', 'verified', 'compiled', 'failed', 'missing', 'consent', 'unsupported'].map(
        (word) => getComputedStyle(document.querySelector(`td.${word}:not(.changed)`)).backgroundColor
      )
    );
    assert.equal(new Set(colours).size, 7);
    assert.equal(await page.locator('td.loads b').first().innerText(), '★');
    assert.match(await page.locator('thead').innerText(), /6\.3-kernel/);
    await picture(page, 'light');
  }));

test('text from a result stays text', () =>
  on(small, {}, async (page) => {
    assert.equal(await page.title(), 'vgpukit matrix');
    assert.equal(await page.locator('img').count(), 0);
    await cell(page, '535.1-driver on 6.1-kernel').click();
    assert.match(await page.locator('#cell').innerText(), /<\/script><script>document\.title/);
    assert.equal(await page.title(), 'vgpukit matrix');
  }));

test('a click opens the cell: its command, cause, recipes and diff', () =>
  on(small, {}, async (page) => {
    await page.locator('td.failed').first().click();
    const panel = page.locator('#cell');
    const text = await panel.innerText();
    assert.match(text, /✘ failed/);
    assert.match(text, /First of 31 errors/);
    assert.match(text, /nvidia\/nv-mmap\.c:417 .*has no member named/);
    assert.match(text, /the recipe 6\.15-vm-flags-gpl-only fixes this/);
    assert.match(text, /was in linux\/mm_types\.h:703 of 6\.12\.95\+deb12-amd64/);
    assert.match(text, /near: vm_flags/);
    assert.match(text, /vgpukit build 535\.\d-driver --kernel 6\.\d-kernel\.0-amd64/);
    assert.match(text, /vgpukit matrix run '\/srv\/our fleet\/matrix\.yaml' --only '535\.\d-driver on 6\.\d-kernel'/);
    assert.match(text, /because this kernel lacks it; the driver uses it: nvidia\/nv\.c:12/);
    assert.match(text, /compile 40 s/);
    assert.match(text, /not needed: 12/);
    assert.equal(await panel.locator('.diff .del').first().innerText(), '-    del_timer_sync(&nv->timer);');
    assert.match(text, /The diff: 2 files/);
    assert.match(text, /nvidia\/nv-mmap\.c \+1 −0/);
    await panel.getByText('The next 11').click();
    assert.match(await panel.innerText(), /19 more are in the log/);
    assert.match(await panel.innerText(), /Proposals of vgpukit adapt\s+It builds with them. Nobody has read them./i);
    await panel.getByText('adapted-7.4-a: rename-call a -> b (proven: ').click();
    assert.match(await panel.innerText(), /id: adapted-7.4-a\n/);
    await page.locator('td.verified').first().click();
    assert.match(await panel.innerText(), /nvidia\s+39\.3 MiB/);
    await page.locator('td.loads').first().click();
    assert.match(await panel.innerText(), /loaded by this kernel in a guest/);
    await panel.getByText('Loaded after 15 s').click();
    assert.match(
      await panel.locator('pre').first().innerText(),
      /^ok load nvidia\nok \.\.\. \/proc\/modules has it\n<\/script>/
    );
  }));

test('search and filters leave what is asked for', () =>
  on(small, {}, async (page) => {
    await page.fill('#search', '6.3-KERNEL failed');
    await page.waitForFunction(() => document.getElementById('shown').textContent !== '');
    const shown = await visible(page);
    assert.equal(shown, await page.locator('td.failed[aria-label*=" on 6.3-kernel:"]').count());
    assert.ok(shown > 0);
    assert.equal(await page.locator('thead th:visible').count(), 2); // the kernel, and the corner
    assert.match(await page.locator('#shown').innerText(), /of 56/);
    await page.fill('#search', 'del-timer-sync'); // a recipe that was applied
    await page.waitForFunction(() => [...document.querySelectorAll('td:not(.off)')].length > 5);
    await page.fill('#search', 'no such thing');
    await page.locator('#nothing').waitFor();
    assert.equal(await page.locator('#grid').isVisible(), false);
    await page.click('#clear');
    assert.equal(await visible(page), 56);
    const failed = page.locator('#filters button.failed');
    await failed.click();
    assert.equal(await failed.getAttribute('aria-pressed'), 'true');
    assert.equal(await visible(page), await page.locator('td.failed').count());
    await failed.click();
    assert.equal(await visible(page), 56);
  }));

test('what changed since the baseline', () =>
  on(small, {}, async (page) => {
    assert.match(await page.locator('#changes summary').innerText(), /then\.json: 3 cells, and 7 gone/);
    assert.equal(await page.locator('td.changed').count(), 3);
    assert.match(await cell(page, '535.3-driver on 6.2-kernel').getAttribute('aria-label'), /was failed, is verified/);
    await page.locator('#filters button.changed').click();
    assert.equal(await visible(page), 3);
    await page.locator('#changes summary').click();
    assert.match(await page.locator('#changes').innerText(), /535\.3-driver on 6\.2-kernel was failed, is verified/);
    assert.match(await page.locator('#changes').innerText(), /535\.8-driver on 6\.0-kernel: no longer there/);
    await page.getByRole('button', {name: '535.3-driver on 6.2-kernel'}).click();
    assert.match(await page.locator('#cell').innerText(), /Since .*then\.json: was failed, is verified/);
  }));

test('results that contradict each other', () =>
  on(small, {}, async (page) => {
    const list = page.locator('#contradictions');
    assert.match(
      await list.innerText(),
      /contradict each other.*\s+535\.0-driver on 6\.0-kernel.*verified in a\.json, failed in b\.json/
    );
    await list.getByRole('button').click();
    assert.equal(await page.locator('#cell-title').innerText(), '535.0-driver on 6.0-kernel');
  }));

test('everything with the keyboard', () =>
  on(small, {}, async (page) => {
    await page.keyboard.press('/');
    assert.equal(await focused(page), 'search');
    await page.keyboard.press('ArrowDown');
    assert.match(await focused(page), /^535\.0-driver on 6\.0-kernel/);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    assert.match(await focused(page), /^535\.1-driver on 6\.1-kernel/);
    await page.keyboard.press('ArrowLeft');
    assert.match(await focused(page), /^535\.1-driver on 6\.0-kernel/);
    await page.keyboard.press('PageDown');
    assert.match(await focused(page), /^535\.7-driver on 6\.0-kernel/);
    await page.keyboard.press('Space');
    assert.equal(await focused(page), 'cell-title');
    await page.keyboard.press('Escape');
    await page.keyboard.press('PageUp');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('End');
    assert.match(await focused(page), /^535\.1-driver on 6\.6-kernel/);
    await page.keyboard.press('Control+ArrowUp');
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    assert.equal(await focused(page), 'cell-title');
    await page.keyboard.press('Tab');
    assert.equal(await focused(page), 'Close');
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#cell').isVisible(), false);
    assert.match(await focused(page), /^535\.0-driver on 6\.0-kernel/);
    // Arrow keys skip filtered cells, and one Tab enters the table.
    await page.locator('#filters button.failed').click();
    await page.locator('td[tabindex="0"]').focus();
    assert.match(await focused(page), /failed/);
    assert.equal(await page.locator('td[tabindex="0"]').count(), 1);
    await page.keyboard.press('Escape');
    assert.equal(await visible(page), 56);
    assert.equal(await page.locator('#filters button[aria-pressed=true]').count(), 0);
  }));

test('a cell has an address', () =>
  on(small, {hash: '#535.3-driver%406.2-kernel'}, async (page) => {
    assert.equal(await page.locator('#cell-title').innerText(), '535.3-driver on 6.2-kernel');
    assert.equal(await page.locator('td[aria-selected=true]').count(), 1);
    await page.evaluate(() => {
      location.hash = '#535.4-driver%406.1-kernel';
    });
    await page.getByRole('heading', {name: '535.4-driver on 6.1-kernel'}).waitFor();
    await cell(page, '535.0-driver on 6.3-kernel').click();
    assert.equal(await page.evaluate(() => location.hash), '#535.0-driver%406.3-kernel');
    await page.keyboard.press('Escape');
    assert.equal(await page.evaluate(() => location.hash), '');
  }));

// WCAG's contrast ratio of two colours in the browser's notation.
const contrast = (page, selector) =>
  page.evaluate((of) => {
    const light = (colour) => {
      const [r, g, b] = colour
        .match(/[\d.]+/g)
        .map((v) => v / 255)
        .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    let behind = document.querySelector(of);
    const style = getComputedStyle(behind);
    while (/, 0\)$/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
    const [a, b] = [light(style.color), light(getComputedStyle(behind).backgroundColor)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  }, selector);

test('dark where the system is dark, and readable in both', async () => {
  for (const colorScheme of ['light', 'dark'])
    await on(small, {colorScheme}, async (page) => {
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(ground, colorScheme === 'dark' ? 'rgb(13, 17, 23)' : 'rgb(255, 255, 255)');
      for (const word of ['loads', 'verified', 'compiled', 'failed', 'missing', 'consent', 'unsupported', 'skipped'])
        assert.ok(
          (await contrast(page, `td.${word}`)) >= 4.5,
          `${word}, ${colorScheme}: ${await contrast(page, `td.${word}`)}`
        );
      await page.locator('td.failed').first().click();
      for (const [words, of] of [
        ['soft text', '#total'],
        ['a link', '#changes button'],
        ['the command', '.command code'],
        ['an error', '.say p'],
        ['an added line', '.diff .add'],
        ['a removed line', '.diff .del']
      ])
        assert.ok((await contrast(page, of)) >= 4.5, `${words}, ${colorScheme}: ${await contrast(page, of)}`);
      await picture(page, `cell-${colorScheme}`);
    });
});

test('on a phone the page is as wide as the phone', () =>
  on(small, phone, async (page) => {
    const width = () => page.evaluate(() => document.documentElement.scrollWidth);
    assert.equal(await width(), 390);
    await picture(page, 'phone');
    await page.locator('td.failed').first().tap();
    assert.equal(await page.locator('#cell').evaluate((panel) => panel.getBoundingClientRect().width), 390);
    assert.equal(await width(), 390);
    await picture(page, 'phone-cell');
    await page.getByRole('button', {name: 'Close'}).tap();
    assert.equal(await page.locator('#cell').isVisible(), false);
  }));

test('a hundred drivers on a hundred kernels', () =>
  on(big, {}, async (page) => {
    assert.equal(await page.locator('#grid td').count(), 10000);
    await page.fill('#search', '535.42-driver');
    await page.waitForFunction(() => document.getElementById('shown').textContent === '100 cells of 10000');
    assert.equal(await page.locator('#grid tbody tr:visible').count(), 1);
    await page.fill('#search', '');
    await page.waitForFunction(() => document.getElementById('shown').textContent === '');
    await picture(page, 'hundred');
    await cell(page, '535.0-driver on 6.0-kernel').focus();
    await page.keyboard.press('Control+ArrowRight');
    await page.keyboard.press('Control+ArrowDown');
    assert.match(await focused(page), /^535\.99-driver on 6\.99-kernel/);
    // The names are still visible, and do not cover the cell.
    const boxes = await page.evaluate(() =>
      [
        document.activeElement,
        document.activeElement.parentNode.firstChild,
        document.querySelector('thead th:last-child'),
        document.getElementById('scroll')
      ].map((one) => one.getBoundingClientRect().toJSON())
    );
    assert.ok(boxes[0].left >= boxes[1].right - 1 && boxes[1].left >= boxes[3].left - 1, 'the driver\u2019s name');
    assert.ok(boxes[0].top >= boxes[2].bottom - 1 && boxes[2].top >= boxes[3].top - 1, 'the kernel\u2019s name');
    await page.keyboard.press('Enter');
    assert.match(await page.locator('#cell-title').innerText(), /535\.99-driver on 6\.99-kernel/);
  }));

test('a badge', async () => {
  const svg = report(write('small.json', resultOf(8, 7)), '--format', 'svg');
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.setContent(svg);
  assert.match(await page.locator('svg').getAttribute('aria-label'), /drivers on kernels: \d+ \/ 49 green/);
  assert.equal(await page.locator('svg rect[fill="#cf222e"]').count(), 1);
  await page.screenshot({
    path: `${process.env.PAGE_WORK || '/tmp'}/page-badge.png`,
    clip: {x: 0, y: 0, width: 260, height: 40}
  });
  await context.close();
});
