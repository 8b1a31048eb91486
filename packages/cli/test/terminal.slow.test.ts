import { spawn, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  readJournal,
  scriptedWorker,
  withTemporaryFolder,
  type JournalEntry,
  type WorkerScript,
} from '@gemma-cli/testkit';
import { tinyModel } from './tiny-model.ts';

const terminal = fileURLToPath(new URL('./fixtures/terminal.py', import.meta.url));
const scriptedBin = fileURLToPath(new URL('./fixtures/scripted-bin.mjs', import.meta.url));

/** A step of a user: something to wait for, or something to type. */
type Step = { readonly expect: string } | { readonly send: string };

interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly failure: string | null;
  readonly journal: readonly JournalEntry[];
}

/** Python's `pty` module is the terminal; Windows has none. Elsewhere a missing Python is a failure, not a skip. */
const isWindows = process.platform === 'win32';

/** Runs the command on a real pseudo-terminal. */
function onTerminal(argv: readonly string[], script: WorkerScript, steps: readonly Step[]): Promise<Outcome> {
  return withTemporaryFolder(async (folder) => {
    const model = join(folder, 'tiny.gguf');
    const journal = join(folder, 'journal.jsonl');
    await writeFile(model, tinyModel());
    const { PATH, HOME } = process.env;
    const env = {
      PATH,
      HOME,
      TERM: 'xterm',
      GEMMA_HOME: join(folder, 'home'),
      GEMMA_GEMMA_DEFAULT_MODEL: model,
      GEMMA_TEST_WORKER: JSON.stringify(scriptedWorker({ journal, ...script })),
    };
    const child = spawn('python3', [terminal, '15', process.execPath, scriptedBin, ...argv], { env });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stdin.end(steps.map((step) => `${JSON.stringify(step)}\n`).join(''));
    await new Promise((resolve) => child.once('close', resolve));
    return { ...(JSON.parse(stdout) as Omit<Outcome, 'journal'>), journal: readJournal(journal) };
  });
}

function prompts({ journal }: Outcome): readonly string[] {
  return journal.flatMap((entry) => (entry.event === 'decode' ? [entry.prompt] : []));
}

const ctrlC = '\u0003';
const ctrlD = '\u0004';

describe.skipIf(isWindows)(`on a terminal${isWindows ? ' (skipped: Windows has no pty module)' : ''}`, () => {
  beforeAll(() => {
    const { status } = spawnSync('python3', ['-c', 'import pty']);
    expect(status, 'Expected python3 with its pty module. Install python3.').toBe(0);
  });

  test('chat shows a prompt, answers, and leaves with Ctrl-D', async () => {
    const outcome = await onTerminal(['chat'], { answer: { text: 'Hello there.' } }, [
      { expect: '> ' },
      { send: 'one\r' },
      { expect: 'Hello there.' },
      { expect: '> ' },
      { send: ctrlD },
    ]);
    expect(outcome).toMatchObject({ code: 0, failure: null });
    expect(outcome.output).toContain('/help');
  });

  test('Ctrl-C stops the answer, keeps what came, and the conversation goes on from it', async () => {
    const script = {
      answer: { repeat: 'x', times: 1_000_000 },
      pieceMs: 1,
      answerWhen: [{ promptHas: 'two', answer: { text: 'Second answer.' } }],
    };
    const outcome = await onTerminal(['chat'], script, [
      { expect: '> ' },
      { send: 'one\r' },
      { expect: 'xxxxx' },
      { send: ctrlC },
      { expect: '> ' },
      { send: 'two\r' },
      { expect: 'Second answer.' },
      { expect: '> ' },
      { send: '/bye\r' },
    ]);
    expect(outcome).toMatchObject({ code: 0, failure: null });
    expect(prompts(outcome).at(-1)).toMatch(
      /<\|user\|>one<\|end\|><\|assistant\|>x{5,}<\|end\|><\|user\|>two<\|end\|>/,
    );
  });

  test('Ctrl-C twice on an empty line leaves; once on a line clears it', async () => {
    const outcome = await onTerminal(['chat'], { answer: { text: 'ok' } }, [
      { expect: '> ' },
      { send: 'half a line' },
      { expect: 'half a line' },
      { send: ctrlC },
      { send: 'whole\r' },
      { expect: 'ok' },
      { expect: '> ' },
      { send: ctrlC },
      { expect: 'once more' },
      { send: ctrlC },
    ]);
    expect(outcome).toMatchObject({ code: 0, failure: null });
    expect(prompts(outcome)).toEqual(['<|begin|><|user|>whole<|end|><|assistant|>']);
  });

  test('what is typed during an answer is kept, and not mixed into it', async () => {
    const outcome = await onTerminal(['chat'], { answer: { text: 'A slow answer.' }, pieceMs: 20 }, [
      { expect: '> ' },
      { send: 'one\r' },
      { expect: 'A slow' },
      { send: 'two' },
      { expect: ' answer.' },
      { expect: '> ' },
      { expect: 'two' },
      { send: '\r' },
      { expect: 'A slow answer.' },
      { expect: '> ' },
      { send: ctrlD },
    ]);
    expect(outcome).toMatchObject({ code: 0, failure: null });
    expect(prompts(outcome).at(-1)).toContain('<|user|>two<|end|>');
  });

  test('an answer brings no control sequence of the model', async () => {
    const outcome = await onTerminal(['-q', 'Hi'], { answer: { text: 'a\u001B]0;title\u0007b\u001B[2Jc\u202Ed' } }, []);
    expect(outcome).toMatchObject({ code: 0, failure: null });
    expect(outcome.output).toBe('abc\\u{202E}d\r\n');
  });

  test('loading is shown on stderr and wiped before the answer', async () => {
    const outcome = await onTerminal(['Hi'], { answer: { text: 'Hello.' } }, []);
    expect(outcome.output).toBe('Loading tiny …\r\u001B[KHello.\r\n');
  });

  test('Ctrl-C in a single answer exits 130 with the part that came', async () => {
    const outcome = await onTerminal(['Hi'], { answer: { repeat: 'y', times: 1_000_000 }, pieceMs: 1 }, [
      { expect: 'yyyyy' },
      { send: ctrlC },
    ]);
    expect(outcome).toMatchObject({ code: 130, failure: null });
  });

  const missing: WorkerScript = {
    faults: [
      { at: 'load', do: 'failure', code: 'RUNTIME_NOT_INSTALLED', message: 'Run `gemma runtime install llama`.' },
    ],
  };

  test('a missing runtime is offered with its size; a no leaves the error and its exit code', async () => {
    const outcome = await onTerminal(['Hi'], missing, [{ expect: '[Y/n]' }, { send: 'n\r' }]);
    expect(outcome).toMatchObject({ code: 4, failure: null });
    expect(outcome.output).toMatch(/about \d+ MB/);
    expect(outcome.output).toContain('gemma runtime install llama');
  });

  test('a chat offers it too', async () => {
    const outcome = await onTerminal(['chat'], missing, [
      { expect: '> ' },
      { send: 'one\r' },
      { expect: '[Y/n]' },
      { send: 'n\r' },
    ]);
    expect(outcome).toMatchObject({ code: 4, failure: null });
  });

  test('the bare command shows help', async () => {
    const outcome = await onTerminal([], {}, []);
    expect(outcome.code).toBe(0);
    expect(outcome.output).toContain('gemma "prompt"');
  });
});
