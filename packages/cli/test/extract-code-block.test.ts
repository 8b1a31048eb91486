import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { extractCodeBlock } from '../src/render/extract-code-block.ts';

describe('extractCodeBlock', () => {
  const text = 'Do this:\n\n```sh\nls -l\n```\nor\n~~~\ndir\n\n~~~\nthat is all';

  test('gives the first or the last block, without its fence', () => {
    expect(extractCodeBlock(text, 'first')).toBe('ls -l\n');
    expect(extractCodeBlock(text, 'last')).toBe('dir\n\n');
    expect(extractCodeBlock(text.replaceAll('\n', '\r\n'), 'first')).toBe('ls -l\n');
  });

  test.each([
    ['no block', 'Use `ls` or ```ls``` in a line.', undefined],
    ['an empty one', '```\n```', ''],
    ['one that is not closed', '```js\nconst a = 1;\n', 'const a = 1;\n\n'],
    ['a longer fence around a shorter one', '````md\n```\na\n```\n````', '```\na\n```\n'],
    ['tildes around backticks', '~~~\n```\n~~~', '```\n'],
    ['an indented one', '  ```\n    a\n  b\nc\n  ```', '  a\nb\nc\n'],
    ['an indented code block, which is no fence', '    ```\n    a\n    ```', undefined],
    ['a fence with words behind it, which does not close', '```\na\n``` b\n```', 'a\n``` b\n'],
  ])('finds in %s what Markdown says', (_title, markdown, expected) => {
    expect(extractCodeBlock(markdown, 'first')).toBe(expected);
  });

  test('gives back any code that was put between long enough fences', () => {
    const line = fc.string({ unit: fc.constantFrom('`', '~', ' ', 'a', '\\') });
    fc.assert(
      fc.property(fc.array(line, { minLength: 1 }), (lines) => {
        const longest = Math.max(2, ...lines.flatMap((each) => (each.match(/`+/g) ?? []).map(({ length }) => length)));
        const fence = '`'.repeat(longest + 1);
        const code = `${lines.join('\n')}\n`;
        expect(extractCodeBlock(`Text\n${fence}x\n${code}${fence}\nmore`, 'last')).toBe(code);
      }),
    );
  });
});
