import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fillPromptTemplate, fillTemplate, templateVariables } from '../src/prompt-template.ts';

describe('a prompt template', () => {
  test('takes the question where {{input}} stands, and values at their names', () => {
    const template = { text: 'Translate to {{ language }}:\n\n{{input}}\n', values: { language: 'French' } };
    expect(fillPromptTemplate(template, 'Hello')).toBe('Translate to French:\n\nHello\n');
  });

  test('without {{input}} the question stands below', () => {
    expect(fillPromptTemplate({ text: 'Explain this.\n' }, 'const x = 1;')).toBe('Explain this.\n\nconst x = 1;');
    expect(fillPromptTemplate({ text: 'Tell a joke.' }, undefined)).toBe('Tell a joke.');
  });

  test('a place without a value is refused, and every one is named', () => {
    expect(() => fillPromptTemplate({ text: '{{a}} {{b}} {{a}} {{input}}' }, 'x')).toThrow(
      /\{\{a\}\} and \{\{b\}\}.*-p a=VALUE/,
    );
    expect(() => fillPromptTemplate({ text: 'Explain {{input}}' }, undefined)).toThrow(/The prompt is empty/);
  });

  test('a backslash keeps the braces; what is no name stays as it is', () => {
    const text = String.raw`\{{input}} {{ }} {{1}} {a} {{a b}} \{{x}}`;
    expect(templateVariables(text)).toEqual([]);
    expect(fillTemplate(text, {})).toBe('{{input}} {{ }} {{1}} {a} {{a b}} {{x}}');
  });

  test('a value is text, whatever it holds: it is never filled again, and names of JavaScript objects are no values', () => {
    expect(() => fillTemplate('{{constructor}}', {})).toThrow(/constructor/);
    fc.assert(
      fc.property(
        fc.string(),
        fc.string({ unit: fc.constantFrom('{', '}', 'input', 'x', '$&', '\\', "$'") }),
        (a, b) => {
          expect(fillPromptTemplate({ text: '<{{x}}|{{input}}|{{x}}>', values: { x: a } }, b)).toBe(`<${a}|${b}|${a}>`);
        },
      ),
    );
  });
});
