// Books a visit with Healthie's public booking widget in headless Chromium, and tries to book the same time once more.
// docs/emulator.md says how to run it: node book.mjs <address of the built widget> <address of the emulator>
import assert from 'node:assert/strict';
import puppeteer from 'puppeteer-core';

const [widget, emulator] = process.argv.slice(2);
const control = async path => (await fetch(`${emulator}/_control/${path}`)).json();
const shown = page => page.evaluate(() => document.body.innerText);

async function click(page, text) {
  const found = await page.waitForFunction(
    wanted => [...document.querySelectorAll('button, div, span')].filter(each => each.innerText?.trim() === wanted).pop(),
    { timeout: 10_000 },
    text,
  );
  await found.click();
}

// Opens the widget and goes as far as the form; the third slot of the last free day in its calendar is chosen.
async function untilTheForm(browser, clinician, shots) {
  const page = await browser.newPage();
  await page.setViewport({ width: 900, height: 1250 });
  page.alerts = [];
  page.on('dialog', async dialog => {
    page.alerts.push(dialog.message());
    await dialog.dismiss();
  });
  const shot = async name => shots && page.screenshot({ path: `${name}.png` });
  await page.goto(`${widget}/?provider_id=${clinician.id}`, { waitUntil: 'networkidle0' });
  await shot('1-types');
  await click(page, 'Follow-up Visit');
  await click(page, 'Phone Call');
  await shot('2-way-to-meet');
  await click(page, 'Confirm Appointment Type');
  await page.waitForNetworkIdle();
  await page.click('.react-datepicker__navigation--next'); // next month: no notice and no late evening are in the way
  await page.waitForNetworkIdle();
  const day = '.react-datepicker__day--highlighted:not(.react-datepicker__day--outside-month)';
  await (await page.waitForSelector(day)).click();
  await page.waitForNetworkIdle();
  await page.waitForSelector('.available-slot');
  await (await page.$$('.available-slot'))[2].click();
  await shot('3-time');
  await click(page, 'Confirm Date and Time');
  return page;
}

async function fill(page, person) {
  for (const [name, value] of Object.entries(person)) await page.type(`input[name=${name}]`, value);
}

const sample = number => ({
  first_name: 'Sample',
  last_name: `Widget ${number}`,
  email: `sample.widget.${number}@example.com`,
  phone_number: `555-012${number}`,
});

const before = await control('books');
const clinician = (await control('seed')).clinicians[0];
const browser = await puppeteer.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  const first = await untilTheForm(browser, clinician, true);
  const second = await untilTheForm(browser, clinician, false);

  await first.bringToFront();
  await fill(first, sample(1));
  await first.screenshot({ path: '4-person.png' });
  await click(first, 'Confirm Appointment');
  await first.waitForFunction(() => document.body.innerText.includes('You’re booked!'), { timeout: 10_000 });
  await first.screenshot({ path: '5-booked.png' });
  assert.match(await shown(first), /Follow-up Visit[^]*Phone Call/);
  assert.deepEqual(first.alerts, []);

  await second.bringToFront();
  await fill(second, sample(2));
  await click(second, 'Confirm Appointment');
  await second.waitForNetworkIdle();
  assert.deepEqual(second.alerts, ['This time is not available']);
  await second.screenshot({ path: '6-taken.png' });
} finally {
  await browser.close();
}

const after = await control('books');
const [made, ...others] = after.appointments.slice(before.appointments.length);
assert.equal(others.length, 0);
assert.equal(made.provider_id, clinician.id);
const patient = after.patients.find(each => each.id === made.user_id);
assert.equal(patient.email, sample(1).email);
console.log(`booked ${made.starts_at} with ${clinician.name} for ${patient.email}; the second was told that the time is taken`);
