import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fuzz, hostileText } from '@gemma-cli/testkit';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { readChecked, writeChecked } from '../src/index-files.ts';
import { createRoom } from '../src/kernel-room.ts';
import { readIndex } from '../src/manifest.ts';
import { openSegment } from '../src/segment.ts';
import { compareBytes, termBytes } from '../src/term-bytes.ts';
import { add, openPlace, workToTheEnd } from './index-places.ts';
import { item } from './item.ts';
import { seed } from './seed.ts';

/** `GEMMA_TEST_FUZZ=1000000` is the long form: each input is a file. */
const inputs = Number(process.env['GEMMA_TEST_FUZZ'] ?? 300);

const folder = mkdtempSync(join(tmpdir(), 'gemma-fuzz-'));
const index = join(folder, 'memory', 'index', 'default');
const sound = new Map<string, Buffer>();
let analyzer = '';

beforeAll(async () => {
  const place = await openPlace(join(folder, 'memory'));
  add(
    place.record,
    Array.from({ length: 300 }, (_, row) => `shared row${row} ${'many '.repeat(row % 7)}word${row % 40}`),
  );
  workToTheEnd(place.index);
  place.close();
  for (const name of readdirSync(index)) sound.set(name, readFileSync(join(index, name)));
  analyzer = /"analyzer":"([^"]+)"/u.exec(String(sound.get('manifest')))?.[1] ?? '';
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Bytes of which some are another, or missing, or there twice. */
function damaged(random: () => number, bytes: Buffer): Buffer {
  let result = Buffer.from(bytes);
  for (let edits = 1 + Math.floor(random() * 3); edits > 0; edits--) {
    const at = Math.floor(random() * result.length);
    const kind = random();
    if (kind < 0.5) result[at] = Math.floor(random() * 256);
    else if (kind < 0.7) result = result.subarray(0, at);
    else if (kind < 0.8) result = Buffer.concat([result.subarray(at), result]);
    else if (kind < 0.9) result.fill(0, at, Math.min(result.length, at + 50));
    else result = Buffer.concat([result, Buffer.from([Math.floor(random() * 256)])]);
  }
  return result;
}

describe('files of the index that may hold anything', () => {
  fuzz({
    name: 'are read as they were written, or said to be damaged',
    inputs,
    seed,
    take(random, about) {
      const place = join(folder, 'read');
      rmSync(place, { recursive: true, force: true });
      mkdirSync(place);
      const names = [...sound.keys()];
      const broken = item(names, Math.floor(random() * names.length));
      const other = item(names, Math.floor(random() * names.length));
      // Another sound file under this name, too: its checksums fit.
      const isSwapped = random() < 0.2;
      for (const [name, bytes] of sound)
        writeFileSync(
          join(place, name),
          name !== broken ? bytes : isSwapped ? (sound.get(other) ?? '') : damaged(random, bytes),
        );
      const isSame = readFileSync(join(place, broken)).equals(sound.get(broken) ?? Buffer.alloc(0));
      const stored = readIndex(place, analyzer, []);
      if (stored.state === 'absent') throw new Error(`${about}: nothing is missing`);
      if (isSame) expect(stored, about).toMatchObject({ state: 'sound' });
      else if (!isSwapped) expect(stored, about).toMatchObject({ state: 'damaged', what: expect.any(String) });
    },
  });

  fuzz({
    name: 'and whose checksums fit are a segment of their size, or none',
    inputs,
    seed,
    take(random) {
      const random32 = () => Math.floor(random() * 2 ** 32);
      const words = new Uint32Array(1 + Math.floor(random() * 80));
      for (let word = 0; word < words.length; word++)
        words[word] = random() < 0.5 ? Math.floor(random() * 4) : random32();
      if (random() < 0.9) words.set([0x47_53_4d_47, 2].slice(0, words.length));
      for (const step of writeChecked(folder, 'forged', new Uint8Array(words.buffer))) expect(step).toBeUndefined();
      const file = readChecked(folder, 'forged', createRoom);
      if (file.state !== 'sound') throw new Error(file.state);
      const segment = openSegment(file.room);
      if (segment !== null) expect(segment.codes.length).toBe(segment.rows);
    },
  });

  fuzz({
    name: 'of any size come back',
    inputs: Math.ceil(inputs / 20),
    seed,
    take(random) {
      const body = new Uint8Array(Math.floor(random() ** 3 * 300_000)).map(() => Math.floor(random() * 256));
      const steps = writeChecked(folder, 'body', body);
      while (steps.next().done !== true);
      const file = readChecked(folder, 'body', createRoom);
      if (file.state !== 'sound') throw new Error(file.state);
      expect(Buffer.compare(file.room.bytes, body)).toBe(0);
      expect(existsSync(join(folder, `body.${process.pid}.tmp`))).toBe(false);
    },
  });

  fuzz({
    name: 'have terms in the order of their texts, whatever characters they have',
    inputs,
    seed,
    take(random) {
      const [one, other] = [hostileText(random, 12), hostileText(random, 12)];
      const bytes = termBytes(other);
      const order = Math.sign(compareBytes(termBytes(one), termBytes(one).length, bytes, 0, bytes.length));
      expect(order).toBe(one === other ? 0 : one < other ? -1 : 1);
    },
  });
});
