import { describe, expect, test } from 'vitest';
import { createPassageReader, questionOf, textOfHtml } from '../src/index.ts';

const sentence = (name: string): string =>
  `The ${name} is kept in a list that the reader of the page can see at any time.`;

describe('createPassageReader', () => {
  test('makes passages of whole sentences, of about 40 words', () => {
    const text = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth'].map(sentence).join(' ');
    expect(createPassageReader().read(text)).toEqual([
      ['first', 'second'].map(sentence).join(' '),
      ['third', 'fourth'].map(sentence).join(' '),
      ['fifth', 'sixth'].map(sentence).join(' '),
    ]);
  });

  test('gives a passage that was there before only once, whatever text it comes in', () => {
    const reader = createPassageReader();
    const text = `${sentence('first')} ${sentence('second')}`;
    expect(reader.read(text)).toHaveLength(1);
    expect(reader.read(`\n\n${text}\n\n`)).toEqual([]);
  });

  test('leaves out what is not prose: code, tables, lists of names, other languages', () => {
    const reader = createPassageReader();
    for (const text of [
      'int main(void) { return printf("%d\\n", 1 + 2); }\n'.repeat(9),
      '| a | b |\n| 1 | 2 |\n'.repeat(20),
      'kmalloc kfree vmalloc vfree '.repeat(20),
      'Der Wärter schreibt den Wind auf und zählt die Schiffe, die vor der Schleuse liegen und warten. '.repeat(6),
    ]) {
      expect(reader.read(text), text.slice(0, 30)).toEqual([]);
    }
  });
});

test('questionOf takes a sentence of 6 to 18 words without its marks', () => {
  expect(questionOf('See below. The pahole tool (of dwarves) can be used for this. Then go on.')).toBe(
    'The pahole tool of dwarves can be used for this',
  );
  expect(questionOf('Too short. Much too short.')).toBe(null);
});

test('textOfHtml keeps what a reader sees of the prose and leaves code and scripts out', () => {
  const html =
    '<head><title>T</title></head><body><script>x = "<p>"</script><p>One &amp; two&#46; <b>Bold</b>.</p><pre>code();</pre><div>Three</div>';
  expect(
    textOfHtml(html)
      .split(/\n\s*\n/)
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  ).toEqual(['One & two. Bold.', 'Three']);
});
