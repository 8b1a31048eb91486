import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { tomlLayout } from '../src/toml-layout.ts';

/** Pieces from which valid and invalid documents grow: whole lines, and every character that opens or ends something. */
const pieces = [
  'a',
  'b',
  '"q"',
  "'l'",
  '.',
  ' = ',
  '=',
  '1',
  '0x1F',
  '-inf',
  'true',
  '"s"',
  '"""',
  "'''",
  '"',
  "'",
  '\\"',
  '\\',
  '[',
  ']',
  '[[',
  ']]',
  '{',
  '}',
  ',',
  '#c',
  '\n',
  '\r\n',
  ' ',
  '\t',
  '1979-05-27 07:32:00',
  '"\\u00e9" = 1\n',
  'a = 1\n',
  'b = "x" # y\n',
  '[t]\n',
  '[[t]]\n',
  '[ "t" . u ] # c\n',
  'l = [1, # c ]\n 2,\n]\n',
  't.x = 1\n',
  'd = {a = 1, b = [1, {c = "]"}]}\n',
  'm = """\na"b""c\\"""" """\n',
  "n = '''\n[x]''''\n",
  'e.f = { g.h = {} }\n',
];

describe('tomlLayout', () => {
  it('understands every document that the parser accepts, and finds each value where it stands', () => {
    let understood = 0;
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 8 }), (chosen) => {
        const text = chosen.join('');
        const values = parseOrUndefined(text);
        if (values === undefined) return;
        understood++;
        const { entries, headers } = tomlLayout(text);
        // Below [[table]] the path alone does not say which table is meant.
        if (headers.some((header) => header.array)) return;
        for (const entry of entries) {
          const written = parse(`value = ${text.slice(entry.valueStart, entry.valueEnd)}`)['value'];
          const read = entry.path.reduce<unknown>((table, name) => (table as Record<string, unknown>)[name], values);
          expect(isDeepStrictEqual(written, read), JSON.stringify(text)).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
    // The property says nothing if hardly any document was valid.
    expect(understood).toBeGreaterThan(100);
  });
});

function parseOrUndefined(text: string): Record<string, unknown> | undefined {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}
