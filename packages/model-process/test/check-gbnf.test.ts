import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGbnfMatcher } from '@gemma-cli/testkit';
import { checkGbnf } from '../src/grammar/check-gbnf.ts';
import { jsonObjectGbnf, jsonSchemaToGbnf } from '../src/grammar/json-schema-to-gbnf.ts';
import { toolCallGrammar } from '../src/grammar/tool-call-grammar.ts';
import { schemaCases } from './schema-cases.ts';

const sound = [
  'root ::= "a"',
  '# a list\nroot ::= ("- " item)+\nitem ::= [^\\n]+ "\\n" # one line\n',
  'root  ::= a |\n  b\r\na ::= "\\x41\\u00e9\\U0001F600"\n\nb ::= [a-z\\-\\]^-]{2,3} .{1,} !<[5]> <[6]>?',
  'root ::= "a"{2000} x{0,2000}\nx ::= ""',
  'root ::= (("a" | "b")* "c")?{2}',
];

/** What is refused, and what the message says of it. */
const unsound: readonly (readonly [grammar: string, says: string])[] = [
  ['', 'root'],
  ['other ::= "a"', 'root'],
  ['root ::= missing', 'missing'],
  ['root ::= (', ')'],
  ['root ::= "a', 'line 1, column 12'],
  ['root ::= "a"\nitem : "b"', 'line 2, column 6'],
  ['root ::= "\\q"', 'escapes'],
  ['root ::= [z-a]', 'order'],
  ['root ::= []', 'class'],
  ['root ::= "a"{5,2}', 'order'],
  ['root ::= "a"{0,2001}', '2000 repetitions'],
  ['root ::= "a"{2001}', '2000 repetitions'],
  [
    'root ::= x{2000} x{2000}\nx ::= ("abcdefghijklmnopqrstuvwxyz" "abcdefghijklmnopqrstuvwxyz"){2000} ("abcdefghijklmnopqrstuvwxyz" "abcdefghijklmnopqrstuvwxyz"){2000}',
    'symbols',
  ],
  ['root ::= "a"\nroot ::= "b"', 'once'],
  ['root ::= <think>', 'by its number'],
  ['root ::= "a\0b"', 'character'],
  ['root ::= root "a" | "b"', 'begin with themselves'],
  // llama.cpp does not see that b may be empty, and would never stop.
  ['root ::= a\na ::= b a | "x"\nb ::= c\nc ::= ""', 'begin with themselves'],
  ['root ::= ("a"? root)', 'begin with themselves'],
  ['root ::= "a" ("b"?)*', 'not empty'],
  ['root ::= "a" x+\nx ::= "b"* y\ny ::= ""', 'not empty'],
  ['root ::= "a"*?+', 'not empty'],
  ['root ::= ""{2}', 'something before'],
  [`root ::= ${'('.repeat(100_000)}"a"${')'.repeat(100_000)}`, 'groups'],
  [
    `root ::= r0\n${Array.from({ length: 5000 }, (_, index) => `r${index} ::= r${index + 1}`).join('\n')}\nr5000 ::= "a"`,
    'begin with each other',
  ],
  [
    `root ::= r0\n${Array.from({ length: 40 }, (_, index) => `r${index} ::= r${index + 1} | r${index + 1} "b"`).join('\n')}\nr40 ::= "a"`,
    'ways',
  ],
  ['x'.repeat(2 ** 21), 'bytes'],
];

describe('checkGbnf', () => {
  it('lets sound grammars through, our own among them', () => {
    for (const grammar of [
      ...sound,
      jsonObjectGbnf(),
      toolCallGrammar({ tools: [{ name: 'get' }], parallel: true }) ?? '',
      ...schemaCases.map(({ schema }) => jsonSchemaToGbnf(schema)),
      jsonSchemaToGbnf({ type: 'string', maxLength: 65_536 }),
    ]) {
      expect(() => checkGbnf(grammar), grammar.slice(0, 200)).not.toThrow();
    }
  });

  it.each(unsound.map(([grammar, says]) => ({ name: grammar.slice(0, 30), grammar, says })))(
    'refuses $name with its place and reason',
    ({ grammar, says }) => {
      expect(() => checkGbnf(grammar)).toThrowError(
        expect.objectContaining({ code: 'GRAMMAR_INVALID', message: expect.stringContaining(says) as string }) as Error,
      );
    },
  );

  it('lets nothing through that another reader of the notation does not understand', () => {
    const symbols = [
      'root',
      'a',
      '::=',
      '"x"',
      '[a-c]',
      '(',
      ')',
      '|',
      '*',
      '?',
      '{1,2}',
      '{',
      '\n',
      ' ',
      '"\\n"',
      '.',
      '[^x]',
      '#',
      '"',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...symbols), { maxLength: 12 }), (parts) => {
        const grammar = `root ::= ${parts.join(' ')}\na ::= "y"`;
        try {
          checkGbnf(grammar);
        } catch (error) {
          expect(error).toMatchObject({ code: 'GRAMMAR_INVALID' });
          return;
        }
        expect(() => createGbnfMatcher(grammar).isPrefix('x'), grammar).not.toThrow();
      }),
      { numRuns: 150 },
    );
  });
});
