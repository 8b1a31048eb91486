import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { MemoryRow } from '@gemma-cli/contracts';
import { readJournal } from '@gemma-cli/testkit';
import { tryMain, type MainTrial } from './run-main.ts';

const yes = { GEMMA_MEMORY_REMEMBER_CHATS: 'true' } as const;

async function rowsOf(trial: MainTrial): Promise<readonly MemoryRow[]> {
  const { stdout } = await trial.run(['memory', 'list', '--tag', 'chat', '--json']);
  return (JSON.parse(stdout) as { rows: readonly MemoryRow[] }).rows;
}

function promptsOf(trial: MainTrial): readonly string[] {
  return readJournal(trial.journal).flatMap((entry) => (entry.event === 'decode' ? [entry.prompt] : []));
}

describe('chats that are remembered', () => {
  test('what was said in one is found in the next, as its user said it', () =>
    tryMain({}, async (trial) => {
      const script = {
        answerWhen: [{ promptHas: 'What is my cat called?', answer: { text: 'Your cat is called Miso.' } }],
        answer: { text: 'A lovely cat, this Miso.' },
      } as const;
      const first = await trial.run(['chat'], {
        env: yes,
        script,
        input: 'My cat is called Miso.\nThe weather is fine.\n',
      });
      expect(first).toMatchObject({ code: 0, stderr: '' });
      const rows = await rowsOf(trial);
      expect(rows.map(({ writer, text, tier }) => [writer, text, tier])).toEqual([
        ['user', 'My cat is called Miso.', 'working'],
        ['model', 'A lovely cat, this Miso.', 'working'],
        ['user', 'The weather is fine.', 'working'],
        ['model', 'A lovely cat, this Miso.', 'working'],
      ]);
      expect(new Set(rows.map(({ session }) => session)).size).toBe(1);

      const second = await trial.run(['chat', '--json'], { env: yes, script, input: 'What is my cat called?\n' });
      expect(promptsOf(trial).at(-1)).toContain('[1] said by the user in another chat\n> My cat is called Miso.\n');
      expect(promptsOf(trial).at(-1)).not.toContain('lovely');
      expect((JSON.parse(second.stdout) as { citations: unknown }).citations).toMatchObject([
        { n: 1, id: rows[0]?.id, uri: `memory:${rows[0]?.id}`, quote: 'My cat is called Miso.', checked: true },
      ]);
      // Both sides of the new turn are another conversation.
      const after = await rowsOf(trial);
      expect(after).toHaveLength(6);
      expect(new Set(after.map(({ session }) => session)).size).toBe(2);
    }));

  test('without a yes nothing is kept, and a pipe is not asked; --no-remember and a project file win over a yes', () =>
    tryMain({}, async (trial) => {
      const input = 'My cat is called Miso.\n';
      const { code, stderr } = await trial.run(['chat'], { input });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      await trial.run(['chat', '--no-remember'], { env: yes, input });
      await writeFile(join(trial.folder, '.gemma.toml'), 'memory.remember_chats = false\n');
      await trial.run(['config', 'set', 'memory.remember_chats', 'true']);
      await trial.run(['chat'], { input });
      await expect(readdir(join(trial.folder, 'home', 'data', 'memory'))).rejects.toThrow('ENOENT');
      // A single question is no conversation.
      await trial.run(['ask', 'My cat is called Miso.'], { env: yes });
      await expect(readdir(join(trial.folder, 'home', 'data', 'memory'))).rejects.toThrow('ENOENT');
    }));

  test('/remember says how it stands, begins and ends it for this chat, and forgets', () =>
    tryMain({}, async (trial) => {
      const { code, stderr } = await trial.run(['chat'], {
        input: 'one\n/remember\n/remember on\ntwo\n/remember off\nthree\n/remember maybe\n',
      });
      expect(code).toBe(2);
      expect(stderr.match(/.*remembered.*/g)).toEqual([
        'What is said here from now on is not remembered.',
        'This conversation is remembered; `gemma memory list --tag chat` shows what is.',
        'What is said here from now on is not remembered.',
      ]);
      expect(stderr).toContain('Expected on, off or forget after /remember, got maybe.');
      const texts = async () => (await rowsOf(trial)).filter(({ writer }) => writer === 'user').map(({ text }) => text);
      expect(await texts()).toEqual(['one', 'two']);
      const again = await trial.run(['chat'], { env: yes, input: 'four\n/undo\nfive\n/remember forget\nsix\n' });
      expect(again.stderr).toContain('2 rows are forgotten for good.');
      expect(await texts()).toEqual(['one', 'two']);
    }));

  test('what is forgotten leaves no byte in the folder of the memory', () =>
    tryMain({}, async (trial) => {
      const script = { answer: { text: 'I shall keep zanzibarium to myself.' } };
      for (const text of ['The password is qwertzuiopolis.', 'And the cellar is under the xylophonium.'])
        await trial.run(['chat'], { env: yes, script, input: `${text}\n` });
      const secrets = ['qwertzuiopolis', 'xylophonium', 'zanzibarium'];
      expect(await filesWith(trial, secrets)).not.toEqual([]);
      // An index is built of them, too.
      await trial.run(['search', 'cellar']);
      const { stderr } = await trial.run(['memory', 'forget', '--tag', 'chat']);
      expect(stderr).toContain('4 rows are forgotten.');
      expect(await filesWith(trial, secrets)).toEqual([]);
    }));

  test('times and sizes of the tiers are those of the configuration', () =>
    tryMain({}, async (trial) => {
      const env = { ...yes, GEMMA_MEMORY_WORKING_CAPACITY: '2', GEMMA_MEMORY_EPISODIC_TTL: '1h' };
      await trial.run(['config', 'set', 'memory.semantic_capacity', '1']);
      await trial.run(['chat'], { env, input: 'one\ntwo\n' });
      const rows = await rowsOf(trial);
      expect(rows.map(({ tier }) => tier)).toEqual(['episodic', 'episodic', 'working', 'working']);
      for (const { createdAt, expiresAt } of rows) expect((expiresAt ?? 0) - createdAt).toBeLessThan(2 * 3_600_000);
      for (const text of ['first', 'second']) await trial.run(['memory', 'add', text, '--tier', 'semantic']);
      const { stdout } = await trial.run(['memory', 'list', '--tier', 'semantic', '--json']);
      expect((JSON.parse(stdout) as { rows: readonly MemoryRow[] }).rows.map(({ text }) => text)).toEqual(['second']);
    }));

  test('a memory that cannot be written costs one warning, and no answer', () =>
    tryMain({}, async (trial) => {
      await trial.run(['config', 'path']);
      await trial.run(['memory', 'stats']);
      const record = join(trial.folder, 'home', 'data', 'memory', 'record.db');
      await writeFile(record, 'this is no database, but a text of some length'.repeat(100));
      const { code, stdout, stderr } = await trial.run(['chat', '--rag', 'off'], {
        env: yes,
        script: { answer: { text: 'Hello there.' } },
        input: 'one\ntwo\n',
      });
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'Hello there.\nHello there.\n' });
      expect(stderr.match(/This conversation is not remembered/g)).toHaveLength(1);
    }));
});

/** Names of files below the memory that hold one of the words. */
async function filesWith(trial: MainTrial, words: readonly string[]): Promise<readonly string[]> {
  const folder = join(trial.folder, 'home', 'data', 'memory');
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const file of files.filter((entry) => entry.isFile())) {
    const bytes = await readFile(join(file.parentPath, file.name));
    for (const word of words)
      if (bytes.includes(word) || bytes.includes(word.slice(0, 8))) found.push(`${file.name}: ${word}`);
  }
  return found;
}
