import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readJournal } from '@gemma-cli/testkit';
import { tryMain, type MainTrial } from './run-main.ts';

const question = 'How is green tea steeped?';
const unrelated = 'Which degrees does a mathematician need?';
const quote = '> Green tea is steeped at eighty degrees for two minutes.';

/** What the model says: one sentence that a document supports, and one that nothing does. */
const answer = { answer: { text: 'Green tea is steeped at eighty degrees. The moon is made of cheese.' } } as const;

/** Two documents in the memory that the options name. */
async function ingested({ folder, run }: MainTrial, ...options: readonly string[]): Promise<void> {
  await mkdir(join(folder, 'docs'), { recursive: true });
  await writeFile(
    join(folder, 'docs', 'tea.md'),
    '# Tea\n\nGreen tea is steeped at eighty degrees for two minutes. Black tea takes boiling water.\n',
  );
  await writeFile(join(folder, 'docs', 'coffee.md'), '# Coffee\n\nFilter coffee is brewed at ninety-four degrees.\n');
  expect((await run(['ingest', 'docs', '-q', ...options])).code).toBe(0);
}

function lastPrompt({ journal }: MainTrial): string {
  return (
    readJournal(journal)
      .flatMap((entry) => (entry.event === 'decode' ? [entry.prompt] : []))
      .at(-1) ?? ''
  );
}

describe('gemma ask', () => {
  test('--rag auto, which is the default, uses passages where they fit the question, and tells where they are from', () =>
    tryMain({}, async (trial) => {
      await ingested(trial);
      for (const flags of [[], ['--rag', 'auto']]) {
        const { code, stdout, stderr } = await trial.run([...flags, question], { script: answer });
        expect(code).toBe(0);
        expect(stdout).toBe(`${answer.answer.text}\n`);
        expect(stderr).toMatch(/^gemma: 1 passage from docs\/tea\.md\n/);
        expect(stderr).toContain(
          '[1] docs/tea.md [7, 62), checked: “Green tea is steeped at eighty degrees for two minutes.”',
        );
        expect(stderr).toContain('[2] no passage, not supported: The moon is made of cheese.');
        expect(stderr).toContain('gemma: 1 of 2 sentences are supported by a passage');
        expect(lastPrompt(trial)).toContain(quote);
        expect(lastPrompt(trial)).not.toContain('coffee');
      }
      const other = await trial.run([unrelated], { script: answer });
      expect(other.stderr).toBe('');
      expect(lastPrompt(trial)).toContain(`<|user|>${unrelated}<|end|>`);
    }));

  test('--rag on takes the best passages whatever they are, --rag off none', () =>
    tryMain({}, async (trial) => {
      await ingested(trial);
      expect((await trial.run(['--rag', 'on', unrelated], { script: answer })).stderr).toContain(
        '2 passages from docs/',
      );
      expect(lastPrompt(trial)).toContain('> Filter coffee is brewed');
      const off = await trial.run(['--rag', 'off', '--json', question], { script: answer });
      expect(lastPrompt(trial)).toContain(`<|user|>${question}<|end|>`);
      expect(JSON.parse(off.stdout)).not.toHaveProperty('citations');
      expect((await trial.run(['--rag', 'sometimes', question])).code).toBe(2);
    }));

  test('--json has the documented citations; after an edit of the source they are stale', () =>
    tryMain({}, async (trial) => {
      await ingested(trial);
      const ask = async (): Promise<readonly Record<string, unknown>[]> => {
        const { stdout } = await trial.run(['--json', question], { script: answer });
        return (JSON.parse(stdout) as { citations: Record<string, unknown>[] }).citations;
      };
      const citations = await ask();
      const keys = ['n', 'sentence', 'id', 'uri', 'start', 'end', 'quote', 'checked', 'producedBy', 'stale'];
      expect(citations.map((citation) => Object.keys(citation))).toEqual([keys, keys]);
      expect(citations).toMatchObject([
        { n: 1, checked: true, stale: false, producedBy: 'attached' },
        { n: 2, sentence: 'The moon is made of cheese.', checked: false },
      ]);
      await writeFile(join(trial.folder, 'docs', 'tea.md'), '# Tea\n\nGreen tea is steeped cold.\n');
      expect((await ask())[0]).toMatchObject({ checked: false, stale: true });
    }));

  test('--memory names the memory that is asked; another one stays unknown', () =>
    tryMain({}, async (trial) => {
      await ingested(trial, '--memory', 'work');
      await trial.run([question], { script: answer });
      expect(lastPrompt(trial)).toContain(`<|user|>${question}<|end|>`);
      const { stderr } = await trial.run(['--memory', 'work', question], { script: answer });
      expect(stderr).toContain('1 passage from docs/tea.md');
      expect((await trial.run(['--memory', 'Not A Name', '--rag', 'on', question], { script: answer })).code).toBe(2);
    }));
});

describe('gemma chat', () => {
  test('/sources opens the citations of the last answer, /rag off ends them, and --memory holds for it too', () =>
    tryMain({}, async (trial) => {
      await ingested(trial, '--memory', 'work');
      const { code, stderr } = await trial.run(['chat', '--memory', 'work'], {
        script: answer,
        input: `/sources\n${question}\n/sources\n/rag off\n${question}\n/sources\n`,
      });
      expect(code).toBe(0);
      expect(stderr.match(/The last answer used no passages\./g)).toHaveLength(2);
      // Told after the answer, and once more by the command.
      expect(stderr.match(/\[1\] docs\/tea\.md \[7, 62\), checked: /g)).toHaveLength(2);
      expect(stderr.match(/1 passage from docs\/tea\.md/g)).toHaveLength(1);
    }));
});
