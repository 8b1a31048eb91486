// A process in which something fails while a record is used: `node fault-worker.mjs FOLDER SCENARIO`. Prints what came of
// it as JSON. The disk of the folder is its own, and small, where the scenario says so.
import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openRecord, sqlDrivers } from '../dist/index.js';

const [parent, scenario] = process.argv.slice(2);
const folder = join(parent, 'memory');
const options = { folder, tiers: { semantic: { ttlMs: null, capacity: 1_000_000 } } };
const codeOf = async (body) => {
  try {
    await body();
    return 'none';
  } catch (error) {
    return error.code;
  }
};
const acknowledged = [];
const add = (record, text) => {
  const memory = { text, tier: 'semantic' };
  const [result] = record.commit([{ now: Date.now(), writes: [{ type: 'add', memory }] }]);
  acknowledged.push(result[0].rows[0].row.id);
};
const fill = (record) =>
  codeOf(() => {
    for (let count = 0; count < 10_000; count += 1) add(record, `text ${count} `.repeat(200));
  });
const areThere = (record) => record.byId(acknowledged).every((row) => row !== undefined);

const scenarios = {
  /** The disk gets full; then there is room again. */
  async 'disk-full'() {
    const ballast = join(parent, 'ballast');
    writeFileSync(ballast, Buffer.alloc(400_000));
    const record = await openRecord(options);
    const code = await fill(record);
    const whole = areThere(record);
    record.close();
    const again = await openRecord(options);
    const wholeAgain = areThere(again);
    rmSync(ballast);
    const codeThen = await codeOf(() => add(again, 'there is room'));
    const problems = again.verify();
    again.close();
    return { code, whole, wholeAgain, codeThen, problems, some: acknowledged.length > 0 };
  },
  /** Another process wrote, then the disk is made read-only. */
  async 'read-only'() {
    execFileSync(process.execPath, [process.argv[1], parent, 'write-one']);
    execFileSync('mount', ['-o', 'remount,ro', parent]);
    const code = await codeOf(() => openRecord(options));
    execFileSync('mount', ['-o', 'remount,rw', parent]);
    const again = await openRecord(options);
    const texts = again.scan(0, 10).map(({ row }) => row.text);
    again.close();
    return { code, texts };
  },
  async 'write-one'() {
    const record = await openRecord(options);
    add(record, 'before');
    record.close();
    return {};
  },
  /** Files cannot grow beyond a limit: the system's error is none of a full disk. The caller lifts nothing. */
  async 'file-limit'() {
    const record = await openRecord(options);
    const code = await fill(record);
    const whole = areThere(record);
    record.close();
    return { code, whole, acknowledged };
  },
  /** No more files can be opened. */
  async 'too-many-files'() {
    const driver = (await sqlDrivers())[0];
    const record = await openRecord({ ...options, driver });
    add(record, 'before');
    record.close();
    const files = [];
    const full = await codeOf(() => {
      for (;;) files.push(openSync(process.execPath, 'r'));
    });
    const code = await codeOf(() => openRecord({ ...options, driver }));
    for (const file of files) closeSync(file);
    const again = await openRecord({ ...options, driver });
    const whole = areThere(again);
    again.close();
    return { full, code, whole };
  },
  /** Somebody else's folder. */
  async 'no-permission'() {
    const driver = (await sqlDrivers())[0];
    mkdirSync(folder, { mode: 0o700 });
    if (process.getuid() === 0) process.setuid(65_534);
    else chmodSync(folder, 0);
    const code = await codeOf(() => openRecord({ ...options, driver }));
    if (process.getuid() !== 65_534) chmodSync(folder, 0o700);
    return { code };
  },
};

process.stdout.write(JSON.stringify(await scenarios[scenario]()));
