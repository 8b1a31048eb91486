import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStopMatcher } from '../src/stop-matcher.ts';
import { createUtf8Stream } from '../src/index.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 40 });

describe('createUtf8Stream', () => {
  it('gives the same text wherever the bytes are cut, and never a broken character on the way', () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(200), { maxLength: 12 }), (whole, cuts) => {
        const bytes = Buffer.from(whole);
        const stream = createUtf8Stream();
        const edges = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b), bytes.length];
        const pieces = edges.slice(1).map((edge, index) => stream.write(bytes.subarray(edges[index], edge)));
        expect([...pieces, stream.end()].join('')).toBe(whole);
        if (!whole.includes('\uFFFD')) expect(pieces.join('')).not.toContain('\uFFFD');
      }),
    );
  });

  it('shows a character that was never finished as U+FFFD at the end', () => {
    const stream = createUtf8Stream();
    expect(stream.write(Buffer.from([0x61, 0xe2, 0x82]))).toBe('a');
    expect(stream.end()).toBe('\uFFFD');
  });
});

/** The text before the stop string that is complete first, of several the longest: the plain way to say it. */
function beforeFirstStop(whole: string, stops: readonly string[]): string {
  for (let end = 1; end <= whole.length; end += 1) {
    const ending = stops.filter((stop) => whole.slice(0, end).endsWith(stop));
    if (ending.length > 0) return whole.slice(0, end - Math.max(...ending.map(({ length }) => length)));
  }
  return whole;
}

describe('createStopMatcher', () => {
  it('cuts where the plain search cuts, however the text is split', () => {
    const alphabet = fc.constantFrom('a', 'b', 'ab', '\n', '€', '😀');
    const pieces = fc.array(
      fc.array(alphabet, { maxLength: 4 }).map((parts) => parts.join('')),
      { maxLength: 12 },
    );
    const stops = fc.array(
      fc.array(alphabet, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(pieces, stops, (parts, strings) => {
        const whole = parts.join('');
        const expected = beforeFirstStop(whole, strings);
        const matcher = createStopMatcher(strings);
        let shown = '';
        let stopped = false;
        for (const part of parts) {
          const result = matcher.write(part);
          shown += result.text;
          // What was shown once is never taken back, and never belongs to a stop string.
          expect(expected.startsWith(shown)).toBe(true);
          if (result.stopped) {
            stopped = true;
            break;
          }
        }
        if (!stopped) shown += matcher.end();
        expect(shown).toBe(expected);
        expect(stopped).toBe(
          expected !== whole || strings.some((stop) => whole.endsWith(stop) && whole.includes(stop)),
        );
      }),
    );
  });

  it('stops at the string that is complete first, although a longer one had begun before it', () => {
    for (const parts of [['ab😀\n'], ['ab', '😀', '\n'], ['a', 'b😀\n']]) {
      const matcher = createStopMatcher(['b', 'ab😀\n']);
      const results = parts.map((part) => matcher.write(part));
      const at = results.findIndex(({ stopped }) => stopped);
      expect(
        results
          .slice(0, at + 1)
          .map(({ text }) => text)
          .join(''),
      ).toBe('a');
    }
  });

  it('holds back only what could begin a stop string', () => {
    const matcher = createStopMatcher(['END']);
    expect(matcher.write('The EN')).toEqual({ text: 'The ', stopped: false });
    expect(matcher.write('vy of ')).toEqual({ text: 'ENvy of ', stopped: false });
    expect(matcher.write('E')).toEqual({ text: '', stopped: false });
    expect(matcher.end()).toBe('E');
  });

  it('never shows half of a surrogate pair', () => {
    const matcher = createStopMatcher([]);
    const [high, low] = ['\uD83D', '\uDE00'];
    expect(matcher.write(`a${high}`)).toEqual({ text: 'a', stopped: false });
    expect(matcher.write(low)).toEqual({ text: '😀', stopped: false });
  });
});
