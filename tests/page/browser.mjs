// Uses Debian's Chromium, so that Playwright does not download one.
import {chromium} from 'playwright-core';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {pathToFileURL} from 'node:url';

export const vgpukit = process.env.VGPUKIT || 'vgpukit';
export const work = process.env.PAGE_WORK || fs.mkdtempSync('/tmp/page-');

export function write(name, value) {
  const file = path.join(work, name);
  fs.writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
  return file;
}

export function report(...args) {
  return execFileSync(vgpukit, ['matrix', 'report', ...args], {encoding: 'utf8', maxBuffer: 1 << 28});
}

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage']
  });

// Opens the page in a new window. Records errors in it, and every request for anything but the page itself.
export async function open(browser, file, options = {}) {
  const context = await browser.newContext({viewport: {width: 1280, height: 800}, ...options});
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') page.problems.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(pathToFileURL(file).href)) page.problems.push(`requested ${request.url()}`);
  });
  await page.goto(pathToFileURL(file).href + (options.hash || ''));
  return page;
}

// A screenshot for people to look at.
export async function picture(page, name) {
  await page.screenshot({path: path.join(work, `page-${name}.png`)});
}
