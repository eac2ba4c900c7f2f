// The page in a real Chromium. `scripts/page` starts bugrelay, and says where it is.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const { PAGE_URL: url, PAGE_TOKEN: token, PAGE_PICTURES: pictures, PAGE_TOOLS: tools, PAGE_CHROMIUM: executablePath } = process.env;
const require = createRequire(join(tools, 'x.js'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const failures = [];
const fail = (where, what) => { failures.push(where); console.log(`page: FAILED ${where}: ${what}`); };
const check = (is, where, what) => { if (!is) fail(where, what); };

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });

/** A fresh window; whatever goes wrong in it is told. */
async function open(name, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(15000);
  const page = await context.newPage();
  page.on('pageerror', (error) => fail(name, `a script broke: ${error.message}`));
  page.on('console', (message) => {
    // The browser says of each answer that is no success that it failed to load.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) fail(name, message.text());
  });
  page.on('request', (request) => check(request.url().startsWith(url), name, `something of others is loaded: ${request.url()}`));
  return page;
}

async function signIn(page) {
  await page.goto(`${url}/sign-in`);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

/** Whether the page comes to say this: a click is over before what it leads to is there to its end. */
const says = async (page, where, words) => {
  const read = async () => (await page.locator('main').innerText()).replace(/\s+/g, ' ');
  let text = await read();
  for (const until = Date.now() + 10_000; !text.includes(words) && Date.now() < until; text = await read()) await page.waitForTimeout(50);
  check(text.includes(words), where, `${JSON.stringify(words)} is not in ${text.slice(0, 600)}`);
};

/** Every button and link that does something. Leaves everything as it was, but for two messages of `held` that are given up. */
async function everyButton(page, name) {
  await page.goto(`${url}/sign-in`);
  await page.getByLabel('Token').fill('a guess');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  await signIn(page);
  const press = (button) => page.getByRole('button', { name: button, exact: true }).click();
  for (const [button, words] of [['Pause: archive', 'archive is paused'], ['Resume: archive', 'archive is resumed'], ['Retry now: broken', 'broken is tried again now']]) {
    await press(button);
    await page.getByText(words).waitFor();
  }
  await page.goto(`${url}/connectors/archive`);
  await press('Pause: archive');
  await page.getByText('archive is paused').waitFor();
  await press('Resume: archive');
  await page.getByText('archive is resumed').waitFor();
  check(page.url() === `${url}/connectors/archive`, name, `an order leads back to where it was given: ${page.url()}`);

  await page.getByRole('navigation', { name: 'Of connector archive' }).getByRole('link', { name: 'Backlog' }).click();
  await says(page, name, 'Nothing waits here.');
  await page.goto(`${url}/connectors/held/backlog`);
  await page.getByLabel('Bug', { exact: true }).fill('7');
  await page.getByLabel('About').selectOption('comment');
  await press('Show');
  check(new URL(page.url()).searchParams.get('target') === 'comment', name, 'the list is narrowed');
  await page.getByRole('link', { name: 'Show all' }).click();
  const boxes = page.getByRole('checkbox');
  const before = await boxes.count();
  const first = await boxes.first().getAttribute('value');
  await boxes.first().check();
  await boxes.nth(1).check();
  await press('Set aside…');
  await says(page, name, 'Set aside: 2 messages of held?');
  await page.getByLabel('Why').fill(`by hand, ${name}`);
  await press('Set aside');
  await page.getByText('2 messages of held were set aside.').waitFor();
  check(await boxes.count() === before - 2, name, 'they wait no more');
  await page.getByRole('link', { name: 'Set aside', exact: true }).click();
  await says(page, name, `by hand, ${name}`);
  await page.getByLabel(`Choose ${first}`).check();
  await press('Drop…');
  await page.getByRole('link', { name: 'Leave them as they are' }).click();
  await page.getByLabel(`Choose ${first}`).check();
  await press('Drop…');
  await press('Drop');
  await page.getByText('1 message of held was dropped.').waitFor();
  await page.getByRole('link', { name: 'Send after all…' }).click();
  await press('Send after all');
  await page.getByText('1 message of held was put back, to be sent.').waitFor();
  await says(page, name, 'Nothing is set aside.');
  await page.goto(`${url}/connectors/held/backlog`);
  await boxes.first().check();
  await press('Drop…');
  await press('Drop');
  await page.getByText('1 message of held was dropped.').waitFor();
  await page.getByRole('link', { name: 'Drop…' }).click();
  await says(page, name, 'All that are in this list when the order is carried out');

  await page.goto(`${url}/log`);
  await page.getByLabel('Connector').selectOption('broken');
  await press('Show');
  await says(page, name, 'Log of broken');
  await page.getByLabel('Bug number or message id').fill('7');
  await press('Find');
  await says(page, name, 'What happened to bug 7');
  await page.getByRole('link', { name: 'bug.modify' }).first().click();
  await says(page, name, 'Public or private');
  check(await page.title() === 'Message · bugrelay', name, `a summary was taken for markup: ${await page.title()}`);
  await says(page, name, "<script>document.title = 'taken over'</script>");
  await press('Sign out');
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  check(await page.getByRole('button', { name: /^Pause/ }).count() === 0, name, 'whoever signed out may only look');
}

/** What scripts add. */
async function withScripts(page) {
  const name = 'with scripts';
  await page.goto(`${url}/`);
  await page.keyboard.press('Tab');
  check(await page.evaluate(() => document.activeElement.className) === 'skip', name, 'the first stop of the Tab key leads to the content');
  await page.keyboard.press('Enter');
  check(await page.evaluate(() => document.activeElement.id) === 'content', name, 'and it gets there');
  await signIn(page);
  // A change made elsewhere shows by itself, is said, and leaves the focus where it is.
  await page.getByRole('button', { name: 'Retry now: broken' }).focus();
  await order('archive', 'pause');
  await page.getByRole('button', { name: 'Resume: archive' }).waitFor();
  check(await page.evaluate(() => document.activeElement.id) === 'retry-broken', name, 'the focus stays where it was');
  await page.locator('#announce').filter({ hasText: 'archive: paused' }).waitFor({ state: 'attached' });
  await order('archive', 'resume');
  await page.locator('#live').click();
  check(await page.locator('#live').getAttribute('aria-pressed') === 'false', name, 'it can be kept from changing by itself');
  await page.goto(`${url}/tail`);
  await page.getByText('Listening.').waitFor();
  await page.getByRole('button', { name: 'Hold' }).click();
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('button', { name: 'Clear' }).click();
}

const order = (connector, what) => fetch(`${url}/api/connectors/${connector}/${what}`, { method: 'POST', headers: { Authorization: `Bearer ${token}` } });

/** A picture of each view, and what axe finds in it. */
async function look(width, colorScheme, views) {
  const name = `${width > 600 ? 'desktop' : 'phone'}-${colorScheme}`;
  const page = await open(name, { viewport: { width, height: width > 600 ? 800 : 844 }, colorScheme });
  await page.goto(`${url}/sign-in`);
  await inspect(page, 'sign-in', name, width);
  await signIn(page);
  for (const [view, path] of views) {
    await page.goto(url + path);
    await inspect(page, view, name, width);
  }
  await page.context().close();
}

async function inspect(page, view, name, width) {
  const where = `${view}-${name}`;
  await page.screenshot({ path: join(pictures, `${where}.png`), fullPage: true });
  const widest = await page.evaluate(() => document.documentElement.scrollWidth);
  check(widest <= width, where, `it is ${widest} wide, and the screen is ${width}`);
  // Colours differ by scheme, the order of things by width: two of the four have all of both.
  if (name === 'desktop-dark' || name === 'phone-light') {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    for (const { id, impact, help, nodes } of violations) {
      const text = `${impact}: ${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`;
      fail(where, text);
    }
  }
}

try {
  const backlog = await (await fetch(`${url}/api/backlog/broken`)).json();
  const publicOne = backlog.entries.find((entry) => entry.target === 'bug' && entry.action === 'modify' && entry.bug === 7);
  const views = [
    ['overview', '/'], ['connector', '/connectors/broken'], ['backlog', '/connectors/broken/backlog'], ['parked', '/connectors/broken/parked'],
    ['confirm', `/connectors/broken/backlog/confirm?do=drop&seq=${backlog.entries[0].sequence}`],
    ['confirm-all', '/connectors/broken/backlog/confirm?do=skip&all=true'], ['message', `/messages/${publicOne.message_id}`],
    ['bug', '/bugs/7'], ['bug-private', '/bugs/8'], ['log', '/log'], ['tail', '/tail'], ['configuration', '/configuration'], ['nowhere', '/nowhere'],
  ];
  for (const width of [1280, 390]) for (const scheme of ['light', 'dark']) await look(width, scheme, views);
  await everyButton(await open('with scripts'), 'with scripts');
  await everyButton(await open('without scripts', { javaScriptEnabled: false }), 'without scripts');
  await withScripts(await open('with scripts'));
  console.log(`page: ${views.length + 1} views looked at, in ${pictures}; every button was pressed, with scripts and without`);
} catch (error) {
  fail('the browser', error.stack);
} finally {
  await browser.close();
}
if (failures.length) {
  console.log(`page: ${failures.length} failures`);
  process.exitCode = 1;
}
