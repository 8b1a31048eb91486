import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readJournal } from '@gemma-cli/testkit';
import { runCommand } from '../src/commands/run-command.ts';
import { commandWorld } from './command-world.ts';
import { tryMain } from './run-main.ts';

const says = (text: string) => ({ script: { answer: { text } } });

describe('--extract', () => {
  const answer = 'Do this:\n\n```sh\nls -l\n```\n\nor\n\n```\ndir\n```\n';

  test('prints the first code block, --xl the last, and nothing else on stdout', () =>
    tryMain({}, async ({ run }) => {
      expect(await run(['-x', 'How?'], says(answer))).toMatchObject({ code: 0, stdout: 'ls -l\n', stderr: '' });
      expect(await run(['--xl', 'How?'], says(answer))).toMatchObject({ code: 0, stdout: 'dir\n', stderr: '' });
    }));

  test('without a code block prints the whole answer, says so on stderr, and exits 0', () =>
    tryMain({}, async ({ run }) => {
      expect(await run(['-x', 'How?'], says('Just do it.'))).toMatchObject({
        code: 0,
        stdout: 'Just do it.\n',
        stderr: 'gemma: the answer has no code block; this is all of it\n',
      });
    }));

  test('with --json keeps the text and adds the code, null where there is none', () =>
    tryMain({}, async ({ run }) => {
      const read = async (text: string): Promise<unknown> =>
        JSON.parse((await run(['-x', '--json', 'How?'], says(text))).stdout);
      expect(await read(answer)).toMatchObject({ text: answer, code: 'ls -l\n' });
      expect(await read('No.')).toMatchObject({ text: 'No.', code: null });
    }));

  test('with events is refused: the block is known at the end only', () =>
    tryMain({}, async ({ run }) => {
      expect((await run(['-x', '--json', '--stream', 'How?'])).code).toBe(2);
      expect((await run(['-x', '--xl', 'How?'])).code).toBe(2);
    }));
});

describe('--usage', () => {
  test('prints tokens and times on stderr, and leaves model and engine to --stats', () =>
    tryMain({}, async ({ run }) => {
      const usage = await run(['-u', 'Hi'], says('Hello there.'));
      expect(usage.stderr).toMatch(
        /^prompt \d+ tokens, \d+ cached, \d+ evaluated · answer \d+ tokens · .*first token .*total .*\n$/,
      );
      expect(usage.stderr).not.toContain('engine');
      expect((await run(['--stats', 'Hi'], says('Hello there.'))).stderr).toMatch(/^tiny · optimized engine/);
    }));
});

describe('a role', () => {
  test('gives the instruction, the template around the question, and what -p says', () =>
    tryMain({}, async ({ run, journal }) => {
      const asked = await run(['-r', 'explain', '-p', 'language=French', 'x = 1'], says('Une ligne.'));
      expect(asked).toMatchObject({ code: 0, stdout: 'Une ligne.\n', stderr: '' });
      const prompts = readJournal(journal).flatMap((entry) => (entry.event === 'decode' ? [entry.prompt] : []));
      expect(prompts.at(-1)).toContain('<|user|>Explain this in French:\n\nx = 1<|end|>');
      expect(prompts.at(-1)).toContain('<|system|>You explain things');
    }));

  test('what the command line says wins over it', () =>
    tryMain({}, async ({ run, journal }) => {
      await run(['-r', 'explain', '-s', 'Be brief.', 'x'], says('a'));
      const prompts = readJournal(journal).flatMap((entry) => (entry.event === 'decode' ? [entry.prompt] : []));
      expect(prompts.at(-1)).toContain('<|system|>Be brief.<|end|>');
    }));

  test('that extracts prints the code block alone; with --json all of the answer', () =>
    tryMain({}, async ({ run }) => {
      const answer = says('```sh\nls\n```');
      expect((await run(['-r', 'shell', 'list files'], answer)).stdout).toBe('ls\n');
      expect(JSON.parse((await run(['--json', '-r', 'shell', 'list files'], answer)).stdout)).toMatchObject({
        text: '```sh\nls\n```',
      });
    }));

  test('with a prompt of its own needs no question; one with a place for it does', () =>
    tryMain({}, async ({ run, folder }) => {
      await mkdir(join(folder, 'home', 'roles'), { recursive: true });
      await writeFile(join(folder, 'home', 'roles', 'joke.toml'), 'prompt = "Tell a joke."');
      expect(await run(['-r', 'joke'], says('Knock.'))).toMatchObject({ code: 0, stdout: 'Knock.\n' });
      expect(await run(['-r', 'explain'], says('x'))).toMatchObject({ code: 2, stdout: '' });
    }));

  test.each([
    [['-r', 'explian', 'x'], /Did you mean explain/],
    [['-r', 'explain', '-p', 'langage=x', 'x'], /no place \{\{langage\}\}.*\{\{language\}\}/],
    [['-p', 'a=b', 'x'], /--role with --param/],
    [['-r', 'explain', '-p', 'x', 'x'], /-p KEY=VALUE/],
    [['-r', '../../etc/passwd', 'x'], /name of a role/],
  ])('%j is a usage error that says what is wrong', (argv, message) =>
    tryMain({}, async ({ run }) => {
      const { code, stderr } = await run(argv);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) as string });
    }),
  );

  test.each([
    ['[options]\ntemprature = 1', /temprature.*Did you mean temperature/],
    ['system = "{{input}}"', /Move it to `prompt`/],
    ['schema = "name, age integer"', /field 2 \("age integer"\)/],
  ])('a file with %j is refused and named', (text, message) =>
    tryMain({}, async ({ run, folder }) => {
      await mkdir(join(folder, 'home', 'roles'), { recursive: true });
      await writeFile(join(folder, 'home', 'roles', 'mine.toml'), text);
      const { code, stderr } = await run(['-r', 'mine', 'x']);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) as string });
    }),
  );
});

describe('--schema', () => {
  test.each([
    [['--schema', '{"type": "strng"}'], /#\/type.*SCHEMA_UNSUPPORTED/],
    [['--schema', 'name, age integer'], /field 2/],
    [['--schema', './none.json'], /none\.json.*FILE_UNREADABLE/],
    [['--schema', 'a', '--grammar', 'b'], /got both/],
    [['--schema', ''], /got an empty text/],
    [['--logprobs', '3'], /--json with --logprobs/],
    [['--logprobs', '21', '--json'], /0 to 20/],
    [['--speculation', 'off', '--draft-model', 'x'], /got both/],
  ])('%j is refused before a model is loaded', (argv, message) =>
    tryMain({}, async ({ run }) => {
      const { code, stdout, stderr } = await run([...argv, 'Hi']);
      expect(code).not.toBe(0);
      expect(stdout + stderr).toMatch(message);
    }),
  );

  test.each([
    ['{"type": "strng"}', '#/type'],
    ['{"type": []}', '#/type'],
    ['{"properties": {"age": {"type": "int"}}}', '#/properties/age/type'],
    ['{"properties": {"a/b": 3}}', '#/properties/a~1b'],
    ['{"properties": []}', '#/properties'],
    ['{"items": {"anyOf": []}}', '#/items/anyOf'],
    ['{"anyOf": [{}, {"required": "name"}]}', '#/anyOf/1/required'],
    ['{"enum": []}', '#/enum'],
    ['{"pattern": "("}', '#/pattern'],
    ['{"$ref": "#/$defs/none"}', '#/$ref'],
    ['{"$ref": "https://example.org/schema.json"}', '#/$ref'],
    ['{"minItems": -1}', '#/minItems'],
    ['{"maximum": "3"}', '#/maximum'],
    ['{"__proto__": {}}', 'the schema'],
    [`${'{"items":'.repeat(1000)}{}${'}'.repeat(1000)}`, 'the schema'],
    [`${'{"items":'.repeat(100_000)}{}${'}'.repeat(100_000)}`, 'the schema'],
    [`{"type": "object"${' '.repeat(10)}`, 'the schema'],
    [
      JSON.stringify({ enum: Array.from({ length: 60_000 }, (_, index) => `a rather long value ${index}`) }),
      'the schema',
    ],
  ])('%.60s is refused at %s, as it is and as a list, before anything is started', (schema, place) =>
    tryMain({}, async ({ run, folder, journal }) => {
      await writeFile(join(folder, 'schema.json'), schema);
      for (const option of ['--schema', '--schema-multi']) {
        const { code, stdout } = await run(['--json', option, 'schema.json', 'Hi']);
        expect([code, JSON.parse(stdout)]).toMatchObject([2, { error: { code: 'SCHEMA_UNSUPPORTED' } }]);
        const { message } = (JSON.parse(stdout) as { error: { message: string } }).error;
        expect(message).toMatch(new RegExp(`\\b(?:at|Expected) ${place.replaceAll(/[$/]/g, '\\$&')}\\b`));
      }
      expect(readJournal(journal)).toEqual([]);
    }),
  );

  test.each([
    ['an escape that is needless outside a class', { type: 'string', pattern: String.raw`^\d{3}\-\d{4}$` }],
    ['a reference with a percent sign', { $ref: '#/$defs/my%20type', $defs: { 'my type': { type: 'integer' } } }],
    ['a property called __proto__', JSON.parse('{"properties": {"__proto__": {"type": "integer"}}}') as object],
  ])('what the engine takes is taken: %s', (_title, schema) =>
    tryMain({}, async ({ run }) => {
      const { code, stderr } = await run(['--schema', JSON.stringify(schema), 'Hi'], says('"123-4567"'));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }),
  );

  test('gemma run without a text would be a chat, which has no form: refused, not ignored', async () => {
    const { run } = await commandWorld();
    const services = { connect: () => Promise.reject(new Error('not in this test')), worker: undefined };
    const { error } = await run(runCommand(services), ['tiny', '--schema', 'name'], { typed: '' });
    expect(error).toMatchObject({ code: 'USAGE', message: expect.stringContaining('--schema') as string });
  });

  test('reads a file of a schema, one of the short notation, and a short notation as it is', () =>
    tryMain({}, async ({ run, folder }) => {
      await writeFile(join(folder, 'schema.json'), '{"type": 3}');
      await writeFile(join(folder, 'fields'), 'name\nage what');
      expect((await run(['--schema', 'schema.json', 'Hi'])).stderr).toMatch(/at #\/type of the schema, got 3/);
      expect((await run(['--schema', 'fields', 'Hi'])).stderr).toMatch(/field 2 \("age what"\)/);
      expect((await run(['--schema', 'fields what', 'Hi'])).stderr).toMatch(/field 1 \("fields what"\)/);
    }));
});
