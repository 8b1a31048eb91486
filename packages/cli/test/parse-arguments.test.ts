import { describe, expect, test } from 'vitest';
import { askCommand } from '../src/commands/ask-command.ts';
import { commandTable } from '../src/command-table.ts';
import type { CommandDefinition, OptionDefinition } from '../src/command.ts';
import { askOptions, globalOptions } from '../src/option-table.ts';
import { readWithCommander } from '../src/read-with-commander.ts';
import { renderCommandHelp, renderProgramHelp } from '../src/render/render-help.ts';
import { parseArguments } from '../src/thin/parse-arguments.ts';
import { routeCommand } from '../src/thin.ts';

const services = { connect: () => Promise.reject(new Error('not in this test')), worker: undefined };
const table = [...globalOptions, ...askOptions];

describe('one table of options', () => {
  const valid: readonly (readonly string[])[] = [
    [],
    ['hello'],
    ['two', 'words'],
    ['-m', 'a', 'hello'],
    ['-ma', 'hello'],
    ['--model=a', 'hello'],
    ['--model', 'a', '--model', 'b'],
    ['-f', 'a', '-f', 'b', '--file=c'],
    ['-f', '-'],
    ['-o', 'a=1', '-o', 'b=2'],
    ['--json', '-q', '--no-color', '--no-daemon', '-v'],
    ['-qv', 'hello'],
    ['--stream', '--json'],
    ['--no-stream'],
    ['--stream', '--no-stream'],
    ['--no-stream', '--stream'],
    ['--engine', 'legacy'],
    ['-x', '-u'],
    ['--xl'],
    ['--extract-last'],
    ['-r', 'shell', '-p', 'a=b', '-p', 'c=d'],
    ['--system='],
    ['--', '--json'],
    ['a', '--', '-m', 'b'],
  ];
  test.each(valid.map((argv) => [argv.join(' '), argv] as const))(
    'is read the same by both parsers: %s',
    async (_title, argv) => {
      const { input } = await readWithCommander(askCommand(services), argv);
      expect(parseArguments(argv, table)).toEqual(input);
    },
  );

  const invalid: readonly (readonly string[])[] = [['--nope'], ['-z'], ['--engine', 'fast'], ['-m'], ['--model']];
  test.each(invalid.map((argv) => [argv.join(' '), argv] as const))(
    'is refused by both parsers: %s',
    async (_title, argv) => {
      expect(() => parseArguments(argv, table)).toThrow(expect.objectContaining({ name: 'UsageProblem' }));
      await expect(readWithCommander(askCommand(services), argv)).rejects.toMatchObject({ name: 'UsageProblem' });
    },
  );

  test('both parsers name the nearest option', async () => {
    expect(() => parseArguments(['--sytem', 'x'], table)).toThrow('--system');
    await expect(readWithCommander(askCommand(services), ['--sytem', 'x'])).rejects.toThrow('--system');
  });

  test('no command has two options of one name, and every letter means the same everywhere', async () => {
    const letters = new Map<string, string>();
    for (const definition of await allDefinitions()) {
      const options = [...globalOptions, ...(definition.options ?? [])];
      const names = options.flatMap(({ long, short }) => (short === undefined ? [long] : [long, short]));
      expect(new Set(names).size, definition.name).toBe(names.length);
      for (const { long, short } of options) {
        if (short === undefined) continue;
        expect(letters.get(short) ?? long, `-${short}`).toBe(long);
        letters.set(short, long);
      }
    }
  });
});

describe('--help', () => {
  test('names every command and every option of a prompt', () => {
    const help = renderProgramHelp({ commands: commandTable, askOptions, globalOptions });
    for (const { name, summary } of commandTable) {
      expect(help).toContain(`  ${name}`);
      expect(help.replaceAll(/\s+/g, ' ')).toContain(summary);
    }
    for (const option of table) expect(help).toContain(`--${option.long}`);
  });

  test('the table of commands says what their definitions say', async () => {
    for (const entry of commandTable) {
      const { name, aliases, summary } = await entry.load(services);
      expect({ name, aliases: aliases ?? [], summary }).toEqual({
        name: entry.name,
        aliases: entry.aliases ?? [],
        summary: entry.summary,
      });
    }
  });

  test('every command has an example, and its page names every option', async () => {
    for (const entry of commandTable) {
      const definition = await entry.load(services);
      expect(definition.examples?.length ?? 0, `examples of ${entry.name}`).toBeGreaterThan(0);
      for (const { command } of definition.examples ?? []) expect(command).toMatch(/\bgemma\b/);
      const page = renderCommandHelp([entry.name], definition, globalOptions);
      for (const { long } of definition.options ?? ([] as OptionDefinition[])) expect(page).toContain(`--${long}`);
    }
  });

  test('no line is wider than 100 columns', async () => {
    const pages = [renderProgramHelp({ commands: commandTable, askOptions, globalOptions })];
    for (const definition of await allDefinitions())
      pages.push(renderCommandHelp([definition.name], definition, globalOptions));
    for (const page of pages) {
      for (const line of page.split('\n'))
        if (!/^\s+(gemma|git|cat|echo)\b/.test(line)) expect(line.length, line).toBeLessThanOrEqual(110);
    }
  });
});

describe('what a command line asks for', () => {
  test.each<[argv: readonly string[], route: object]>([
    [['--version'], { type: 'version' }],
    [['-V'], { type: 'version' }],
    [['--help'], { type: 'help', command: undefined }],
    [['help', 'chat'], { type: 'help', command: 'chat' }],
    [['ask', '--help'], { type: 'help', command: 'ask' }],
    [['list'], { type: 'program', command: 'list', argv: [] }],
    [['ls'], { type: 'program', command: 'list', argv: [] }],
    [['--json', 'list'], { type: 'program', command: 'list', argv: ['--json'] }],
    [['-m', 'list', 'list', 'all'], { type: 'program', command: 'list', argv: ['-m', 'list', 'all'] }],
    [['ask', 'list'], { type: 'ask', input: { arguments: ['list'], options: {} } }],
    [['what', 'list'], { type: 'ask', input: { arguments: ['what', 'list'], options: {} } }],
    [['--', 'list'], { type: 'ask', input: { arguments: ['list'], options: {} } }],
    [['-q', 'ask', 'x'], { type: 'ask', input: { arguments: ['x'], options: { quiet: true } } }],
  ])('%j', (argv, route) => {
    expect(routeCommand(argv)).toEqual(route);
  });
});

async function allDefinitions(): Promise<readonly CommandDefinition[]> {
  const withChildren = (definition: CommandDefinition): readonly CommandDefinition[] => [
    definition,
    ...(definition.subcommands ?? []).flatMap(withChildren),
  ];
  const definitions = await Promise.all(commandTable.map((entry) => entry.load(services)));
  return definitions.flatMap(withChildren);
}
