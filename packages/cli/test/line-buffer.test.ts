import { describe, expect, test } from 'vitest';
import { createLineBuffer, type LineBuffer } from '../src/chat/line-buffer.ts';
import { graphemeBoundary } from '../src/chat/text-layout.ts';

/** A buffer with a text, and the cursor in it. */
function bufferOf(text: string, cursor: number): LineBuffer {
  const buffer = createLineBuffer();
  buffer.set(text, cursor);
  return buffer;
}

describe('a text that begins with a newline', () => {
  test('is not changed by Ctrl-U at its beginning, nor is the cursor moved by Ctrl-A', () => {
    const buffer = bufferOf('\nabc', 0);
    buffer.killToStart();
    expect([buffer.text, buffer.cursor]).toEqual(['\nabc', 0]);
    buffer.lineStart();
    expect(buffer.cursor).toBe(0);
  });

  test('has a first line that Up reaches, and Down leaves', () => {
    const buffer = bufferOf('\nabc', 2);
    expect(buffer.up()).toBe(true);
    expect(buffer.cursor).toBe(0);
    expect(buffer.up()).toBe(false);
    expect(buffer.down()).toBe(true);
    expect(buffer.cursor).toBe(1);
    expect(buffer.down()).toBe(false);
  });
});

test('a word ends after the accent of its last letter', () => {
  const buffer = bufferOf('cafe\u0301s noirs', 0);
  buffer.wordRight();
  expect(buffer.cursor).toBe('cafe\u0301s'.length);
  const short = bufferOf('e\u0301 a', 0);
  short.killWordForward();
  expect(short.text).toBe(' a');
});

/** Every key that moves, and what it must not do. */
const moves = ['left', 'right', 'wordLeft', 'wordRight', 'lineStart', 'lineEnd', 'up', 'down'] as const;
const kills = ['killToEnd', 'killToStart', 'killSpacedWord', 'killWordBack', 'killWordForward'] as const;
const others = ['backspace', 'deleteForward', 'yank', 'transpose'] as const;
const pieces = ['a', 'b c', '\n', '\n\n', ' ', 'é', '日', '👩‍👩‍👧', 'e\u0301', '\t', 'x.y'] as const;

/** The number of the line on which the cursor stands, from 0. */
function lineOf({ text, cursor }: Pick<LineBuffer, 'text' | 'cursor'>): number {
  return text.slice(0, cursor).split('\n').length - 1;
}

test('whatever keys are typed, the cursor stays in the text, moves change nothing, and kills only take away', () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const keys = [...moves, ...kills, ...others, 'insert', 'insert', 'insert', 'insert'] as const;
  for (let round = 0; round < 150; round += 1) {
    const buffer = createLineBuffer();
    const script: string[] = [];
    for (let step = 0; step < 60; step += 1) {
      const before = { text: buffer.text, cursor: buffer.cursor };
      const key = keys[random(keys.length)] ?? 'left';
      const piece = pieces[random(pieces.length)] ?? '';
      script.push(key === 'insert' ? JSON.stringify(piece) : key);
      const moved = key === 'insert' ? buffer.insert(piece) : buffer[key]();
      const after = { text: buffer.text, cursor: buffer.cursor };
      const told = `seed ${seed}, round ${round}: ${script.join(' ')} at ${JSON.stringify(before)} gave ${JSON.stringify(after)}`;
      const linesBefore = before.text.split('\n');
      const startOfLine = linesBefore.slice(0, lineOf(before)).join('\n').length + (lineOf(before) === 0 ? 0 : 1);
      const endOfLine = startOfLine + (linesBefore[lineOf(before)] ?? '').length;

      expect(after.cursor, told).toBeGreaterThanOrEqual(0);
      expect(after.cursor, told).toBeLessThanOrEqual(after.text.length);
      expect(graphemeBoundary(after.text, after.cursor), told).toBe(after.cursor);
      if ((moves as readonly string[]).includes(key)) expect(after.text, told).toBe(before.text);
      if ((kills as readonly string[]).includes(key)) {
        const taken = before.text.length - after.text.length;
        const rest = before.text.slice(0, after.cursor) + before.text.slice(after.cursor + taken);
        expect(taken, told).toBeGreaterThanOrEqual(0);
        expect(after.text, told).toBe(rest);
        expect(after.cursor, told).toBeLessThanOrEqual(before.cursor);
        // What was taken comes back where it was.
        if (taken > 0) {
          const again = bufferOf(before.text, before.cursor);
          again[key as (typeof kills)[number]]();
          again.yank();
          expect(again.text, told).toBe(before.text);
        }
      }
      switch (key) {
        case 'left':
        case 'wordLeft':
          expect(after.cursor, told).toBeLessThanOrEqual(before.cursor);
          break;
        case 'right':
        case 'wordRight':
          expect(after.cursor, told).toBeGreaterThanOrEqual(before.cursor);
          break;
        case 'lineStart':
          expect(after.cursor, told).toBe(startOfLine);
          break;
        case 'lineEnd':
          expect(after.cursor, told).toBe(endOfLine);
          break;
        case 'killToStart':
          expect(after.text, told).toBe(before.text.slice(0, startOfLine) + before.text.slice(before.cursor));
          break;
        case 'up':
          expect(moved, told).toBe(lineOf(before) > 0);
          expect(lineOf(after), told).toBe(Math.max(0, lineOf(before) - 1));
          break;
        case 'down':
          expect(moved, told).toBe(lineOf(before) < linesBefore.length - 1);
          expect(lineOf(after), told).toBe(Math.min(linesBefore.length - 1, lineOf(before) + 1));
          break;
        case 'transpose':
          expect(Array.from(after.text).toSorted(), told).toEqual(Array.from(before.text).toSorted());
          break;
        default:
      }
    }
  }
});
