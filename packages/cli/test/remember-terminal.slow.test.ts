import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { create } from '@gemma-cli/rag-optimized';
import { describeUnless, type WorkerScript } from '@gemma-cli/testkit';
import { missingPty, promptsOf, requirePython, runOnTerminal } from './on-terminal.ts';

const hello: WorkerScript = {
  answerWhen: [{ promptHas: '> My cat is called Miso.', answer: { text: 'It is called Miso.' } }],
  answer: { text: 'Hello there.' },
};
const question = 'Remember chats, this one included? [y/N]';
/** As on a machine where nobody was asked yet. */
const unasked = { GEMMA_MEMORY_REMEMBER_CHATS: '' };

/** What the memory below a home holds of chats. */
async function rowsOf(home: string): Promise<readonly string[]> {
  const memory = await create({ folder: join(home, 'data', 'memory') });
  try {
    const { rows } = await memory.list({ filter: { tags: ['chat'] } });
    return rows.map(({ writer, text }) => `${writer}: ${text}`);
  } finally {
    await memory.close();
  }
}

describeUnless(missingPty, 'the first chat at a terminal', () => {
  beforeAll(requirePython);

  test('asks once after its first answer; a yes is kept, remembers this chat too, and what it said is found in the next', async () => {
    let home = '';
    const first = await runOnTerminal({
      argv: ['chat', '--verbose'],
      script: hello,
      env: { ...unasked, GEMMA_MEMORY_CONSOLIDATE_EVERY: '1s' },
      steps: [
        { expect: '> ' },
        { send: 'My cat is called Miso.\r' },
        { expect: 'Hello there.' },
        { expect: question },
        { send: 'y\r' },
        { expect: 'remembered from now on' },
        { expect: '> ' },
        // While its user reads.
        { expect: 'Consolidated the memory in the background, time 1' },
        { send: 'two\r' },
        { expect: 'Hello there.' },
        { expect: '> ' },
        { send: '/bye\r' },
      ],
      async after(folder) {
        home = folder;
        expect(await readFile(join(folder, 'config.toml'), 'utf8')).toBe('[memory]\nremember_chats = true\n');
        expect((await stat(join(folder, 'config.toml'))).mode & 0o777).toBe(0o600);
        expect(await rowsOf(folder)).toEqual([
          'user: My cat is called Miso.',
          'model: Hello there.',
          'user: two',
          'model: Hello there.',
        ]);
        // Another process, as on the next day.
        const second = await runOnTerminal({
          argv: ['chat'],
          script: hello,
          env: { ...unasked, GEMMA_HOME: folder },
          steps: [
            { expect: '> ' },
            { send: 'What is my cat called?\r' },
            { expect: 'It is called Miso.' },
            { expect: '> ' },
            { send: '/bye\r' },
          ],
        });
        expect(second).toMatchObject({ code: 0, failure: null });
        expect(second.output).not.toContain(question);
        expect(promptsOf(second.journal).at(-1)).toContain(
          'said by the user in another chat\n> My cat is called Miso.',
        );
        expect(await rowsOf(folder)).toContain('user: What is my cat called?');
      },
    });
    expect(first).toMatchObject({ code: 0, failure: null });
    expect(first.output.split(question)).toHaveLength(2);
    expect(home).not.toBe('');
  });

  test('a no is kept, beside what the file says already, and no other chat asks', async () => {
    const outcome = await runOnTerminal({
      argv: ['chat'],
      script: hello,
      env: unasked,
      async before(home) {
        await mkdir(home, { mode: 0o700 });
        await writeFile(join(home, 'config.toml'), '# mine\n[memory]\nlanguage = "de"\n');
      },
      steps: [
        { expect: '> ' },
        { send: 'My cat is called Miso.\r' },
        { expect: question },
        { send: '\r' },
        { expect: 'nothing is remembered' },
        { expect: '> ' },
        { send: 'two\r' },
        { expect: 'Hello there.' },
        { expect: '> ' },
        { send: '/bye\r' },
      ],
      async after(home) {
        const text = '# mine\n[memory]\nlanguage = "de"\nremember_chats = false\n';
        expect(await readFile(join(home, 'config.toml'), 'utf8')).toBe(text);
        await expect(stat(join(home, 'data', 'memory'))).rejects.toThrow('ENOENT');
      },
    });
    expect(outcome).toMatchObject({ code: 0, failure: null });
    expect(outcome.output.split(question)).toHaveLength(2);
  });

  test('a command leaves the question open; what is neither yes nor no is the next message, and decides nothing, as leaving does', async () => {
    const outcome = await runOnTerminal({
      argv: ['chat'],
      script: hello,
      env: unasked,
      steps: [
        { expect: '> ' },
        { send: 'one\r' },
        { expect: question },
        { send: '/sources\r' },
        { expect: 'The last answer used no passages.' },
        { expect: '> ' },
        { send: 'two\r' },
        { expect: question },
        { send: 'yet another message\r' },
        { expect: 'the next chat asks again' },
        { expect: 'Hello there.' },
        { expect: '> ' },
        { send: '/bye\r' },
      ],
      async after(home) {
        await expect(stat(join(home, 'config.toml'))).rejects.toThrow('ENOENT');
        const kept = await readFile(join(home, 'chat-history.jsonl'), 'utf8');
        expect(kept).toContain('yet another message');
        const second = await runOnTerminal({
          argv: ['chat'],
          script: hello,
          env: { ...unasked, GEMMA_HOME: home },
          steps: [{ expect: '> ' }, { send: 'one\r' }, { expect: question }, { send: '\u0004' }],
        });
        expect(second).toMatchObject({ code: 0, failure: null });
        await expect(stat(join(home, 'config.toml'))).rejects.toThrow('ENOENT');
      },
    });
    expect(outcome).toMatchObject({ code: 0, failure: null });
    expect(outcome.output.split('the next chat asks again')).toHaveLength(2);
    expect(promptsOf(outcome.journal).at(-1)).toContain('yet another message');
  });

  test('who says --no-remember, or wants quiet, is not asked', async () => {
    for (const argv of [
      ['chat', '--no-remember'],
      ['chat', '-q'],
    ]) {
      const outcome = await runOnTerminal({
        argv,
        script: hello,
        env: unasked,
        steps: [{ expect: '> ' }, { send: 'one\r' }, { expect: 'Hello there.' }, { expect: '> ' }, { send: '/bye\r' }],
      });
      expect(outcome).toMatchObject({ code: 0, failure: null });
      expect(outcome.output).not.toContain(question);
    }
  });
});
