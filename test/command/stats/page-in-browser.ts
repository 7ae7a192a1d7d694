/**
 * `npm run test:browser`: opens the page of `cache-s3 stats --html` in Chromium, with hostile names. Fails unless the page is
 * drawn inside of its window, wide and narrow, makes no request, runs no script and logs no error.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import type { CacheEntry } from '../../../src/cache/inventory.ts';
import { htmlPage } from '../../../src/command/stats/html-page.ts';
import { Tally } from '../../../src/command/stats/tally.ts';
import { readCommandLine } from '../../support/command-line.ts';
import { SeededRandom } from '../../support/random.ts';

const { screenshot } = readCommandLine(
  'npm run test:browser -- [--screenshot FILE]   FILE is that of a picture of the page, with names that are not hostile',
  { screenshot: '' },
);

const DAY_MS = 86_400_000;
const HOSTILE = [
  '</title><script>alert(1)</script>',
  '"><img src="http://127.0.0.1:9/x">',
  '\u202e\u001b[31m',
];

const scratch = mkdtempSync(path.join(tmpdir(), 'cache-s3-browser-'));
const browser = spawn(
  process.env.CHROMIUM ?? 'chromium',
  [
    ...['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0'],
    ...[`--user-data-dir=${path.join(scratch, 'profile')}`, 'about:blank'],
  ],
  { stdio: ['ignore', 'ignore', 'pipe'] },
);
browser.on('error', error => {
  console.error(`Chromium cannot be started (${error.message}): install it, or set CHROMIUM to its path.`);
  process.exit(1);
});
function facts() {
  return {
    place: 'bucket ci-cache at https://rgw.example.com',
    prefix: 'cache-s3',
    madeMs: Date.now(),
    top: 10,
  };
}

function exampleTally(hostile: boolean): Tally {
  const now = Date.now();
  const random = new SeededRandom(7);
  const tally = new Tally();
  for (let index = 0; index < 3000; index++) {
    const ageMs = (random.below(1000) / 1000) ** 2 * 200 * DAY_MS;
    const idleMs = ageMs * (random.below(1000) / 1000) ** 2;
    const info = (ms: number, sizeBytes: number) => ({
      name: 'n',
      sizeBytes,
      etag: 'e',
      modifiedMs: now - ms,
    });
    const odd = hostile ? HOSTILE[index % 40] : undefined;
    const entry: CacheEntry = {
      kind: 'cache',
      repository: odd ?? `org/service-${Math.floor((random.below(1000) / 1000) ** 2 * 60)}`,
      scope: odd ?? (index % 3 === 0 ? 'refs/heads/main' : `refs/pull/${index}/merge`),
      key: odd ?? `${random.pick(['Linux-npm-', 'Linux-cargo-', 'macOS-pods-', 'buildx-'])}0123456789ab`,
      version: 'v',
      object: info(ageMs, 5_000_000 + random.below(400) ** 2 * 4000),
      marker: random.below(10) < 7 ? info(idleMs, 0) : undefined,
    };
    tally.add(entry, now);
  }
  return tally;
}

/** Returns the address of the browser's debugger, which it prints when it has started. */
async function debuggerUrl(): Promise<string> {
  for await (const line of createInterface({ input: browser.stderr! })) {
    const url = /DevTools listening on (ws:\S+)/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error('Chromium ended before its debugger was ready');
}

interface Tab {
  readonly events: { readonly method: string; readonly params: unknown }[];
  send(method: string, params?: object): Promise<Record<string, never>>;
}

/** Connects to the first tab by the DevTools protocol. */
async function openTab(browserUrl: string): Promise<Tab> {
  const { host } = new URL(browserUrl);
  const tabs = (await (await fetch(`http://${host}/json/list`)).json()) as {
    type: string;
    webSocketDebuggerUrl: string;
  }[];
  const socket = new WebSocket(tabs.find(({ type }) => type === 'page')!.webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  const waiting = new Map<number, (result: Record<string, never>) => void>();
  const events: Tab['events'] = [];
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(String(data));
    if (message.id === undefined) events.push(message);
    else waiting.get(message.id)?.(message.result ?? message.error);
  };
  let id = 0;
  return {
    events,
    send: (method, params = {}) =>
      new Promise(resolve => {
        waiting.set(++id, resolve);
        socket.send(JSON.stringify({ id, method, params }));
      }),
  };
}

/** Shapes that the window or their plot cuts off, and texts of one plot that overlap. */
const MEASURE = `(() => {
  const problems = [];
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) problems.push('the page is wider than its window');
  const svgs = [...document.querySelectorAll('svg')];
  if (svgs.length !== 6) problems.push(svgs.length + ' plots');
  for (const svg of svgs) {
    const boxes = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
    if (svg.querySelectorAll('rect').length < 2) problems.push('a plot without bars');
    for (const [text, box] of boxes) {
      if (box.left < 0 || box.right > width) problems.push('cut off: ' + text);
      for (const [other, its] of boxes)
        if (text < other && box.left < its.right && its.left < box.right && box.top + 2 < its.bottom && its.top + 2 < box.bottom)
          problems.push('overlap: ' + text + ' and ' + other);
    }
  }
  if (document.querySelector('script, img, iframe, object')) problems.push('an element of a hostile name');
  return problems;
})()`;

async function check(tab: Tab, url: string): Promise<void> {
  for (const domain of ['Page', 'Network', 'Log', 'Runtime']) await tab.send(`${domain}.enable`);
  for (const width of [1280, 400]) {
    await tab.send('Emulation.setDeviceMetricsOverride', {
      width,
      height: 1200,
      deviceScaleFactor: 1,
      mobile: false,
    });
    const before = tab.events.length;
    await tab.send('Page.navigate', { url });
    while (!tab.events.slice(before).some(({ method }) => method === 'Page.loadEventFired')) {
      await new Promise(resolve => setTimeout(resolve, 20));
    }
    const { result } = await tab.send('Runtime.evaluate', { expression: MEASURE, returnByValue: true });
    const problems = (result as unknown as { value: string[] }).value;
    if (problems.length > 0) throw new Error(`at ${width} pixels: ${problems.join('; ')}`);
    if (screenshot === '' || width !== 1280) continue;
    const shot = await tab.send('Page.captureScreenshot', { captureBeyondViewport: true });
    writeFileSync(screenshot, Buffer.from(shot.data as unknown as string, 'base64'));
  }
  const requested = tab.events
    .filter(({ method }) => method === 'Network.requestWillBeSent')
    .map(({ params }) => (params as { request: { url: string } }).request.url);
  if (requested.some(one => one !== url)) throw new Error(`requests of the page: ${requested.join(' ')}`);
  const logged = tab.events.filter(({ method }) =>
    ['Log.entryAdded', 'Runtime.exceptionThrown', 'Page.javascriptDialogOpening'].includes(method),
  );
  if (logged.length > 0) throw new Error(`the page logs ${JSON.stringify(logged)}`);
}

// A browser that hangs ends this check
setTimeout(() => browser.kill('SIGKILL'), 60_000).unref();
try {
  const page = path.join(scratch, 'stats.html');
  writeFileSync(page, htmlPage(exampleTally(screenshot === ''), facts()));
  await check(await openTab(await debuggerUrl()), pathToFileURL(page).href);
  console.log('The page is drawn as it should be.');
} finally {
  browser.kill();
  await once(browser, 'close');
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
}
