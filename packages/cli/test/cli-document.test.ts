import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { errorCodes, requestRanges } from '@gemma-cli/contracts';
import { commandTable } from '../src/command-table.ts';
import type { CommandDefinition, OptionDefinition } from '../src/command.ts';
import { globalOptions } from '../src/option-table.ts';
import { completionWord } from '../src/thin.ts';
import { answerOptionKeys } from '../src/thin/parse-answer-options.ts';
import { tryMain } from './run-main.ts';

const document = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
const services = { connect: () => Promise.reject(new Error('not in this test')), worker: undefined };

/** The options that a section of the document shows: what stands in code in the first column of its tables. */
function documentedOptions(heading: string): readonly string[] {
  const start = document.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`docs/cli.md has no section ${JSON.stringify(heading)}`);
  const level = heading.indexOf(' ');
  const rest = document.slice(start + heading.length + 2);
  const end = rest.search(new RegExp(`^#{1,${level}} `, 'm'));
  return Array.from((end < 0 ? rest : rest.slice(0, end)).matchAll(/^\| `(-[^`]*)`/gm), ([, form]) =>
    (form ?? '').replaceAll('\\|', '|'),
  );
}

function forms(options: readonly OptionDefinition[]): readonly string[] {
  return options.map(
    ({ long, short, alias, value }) =>
      `${short === undefined ? (alias === undefined ? '' : `--${alias}, `) : `-${short}, `}--${long}${value === undefined ? '' : ` ${value}`}`,
  );
}

describe('docs/cli.md', () => {
  test('names the options of every command', () => {
    expect(documentedOptions('## Options of every command')).toEqual(forms(globalOptions));
  });

  test.each(commandTable.map((entry) => [entry.name, entry] as const))(
    'names the options of gemma %s, and of its sub-commands',
    async (name, entry) => {
      const definition = await entry.load(services);
      expect(documentedOptions(`### gemma ${name}`)).toEqual(forms(optionsOf(definition)));
      expect(document.replaceAll('\\|', '|')).toContain(definition.summary);
      for (const { name: sub } of definition.subcommands ?? []) expect(document).toContain(`gemma ${name} ${sub}`);
    },
  );

  test('names every key of -o', () => {
    for (const key of Object.keys(answerOptionKeys)) expect(document).toContain(`| \`${key}\``);
  });

  test('gives the numbers of -o the ranges that they have', () => {
    for (const [key, { min, max }] of Object.entries(requestRanges)) {
      const shown = new RegExp(`^\\| \`${key}\` +\\| ([^|]*?) +\\|`, 'm').exec(document)?.[1];
      const isCount = max >= 2 ** 24 && key !== 'seed';
      expect([key, shown]).toEqual([key, isCount ? `${min} or more` : `${min} to ${max}`]);
    }
  });

  test('names the word that is reserved, and how it is a prompt all the same', () =>
    tryMain({}, async ({ run }) => {
      expect(document).toContain(`\`${completionWord}\` as the first word is reserved`);
      expect(document).toContain(`\`gemma -- ${completionWord}\``);
      expect(await run([completionWord, 'roles'])).toEqual({ code: 0, stdout: '', stderr: '' });
      const asked = await run(['--', completionWord], { script: { answer: { text: 'Hello.' } } });
      expect(asked).toEqual({ code: 0, stdout: 'Hello.\n', stderr: '' });
    }));

  test('names every exit code', () => {
    const codes = new Set([0, ...Object.values(errorCodes).map(({ exitCode }) => exitCode)]);
    const documented = Array.from(document.matchAll(/^\| (\d+) +\|/gm), ([, code]) => Number(code));
    expect(documented.toSorted((a, b) => a - b)).toEqual([...codes].toSorted((a, b) => a - b));
  });
});

/** Its own options and those of its sub-commands, each once. */
function optionsOf({ options = [], subcommands = [] }: CommandDefinition): readonly OptionDefinition[] {
  const all = [...options, ...subcommands.flatMap(optionsOf)];
  return all.filter(({ long }, index) => all.findIndex((other) => other.long === long) === index);
}
