import { spawn, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  readJournal,
  scriptedWorker,
  withTemporaryFolder,
  type JournalEntry,
  type Missing,
  type WorkerScript,
} from '@gemma-cli/testkit';
import { tinyModel } from './tiny-model.ts';

/** A step of a user: something to wait for, something to type, or a new size of the window. */
export type Step =
  | { readonly expect: string }
  | { readonly send: string }
  | { readonly resize: readonly [columns: number, rows: number] };

/** What a run on a terminal left. */
export interface TerminalOutcome {
  readonly code: number;
  readonly output: string;
  readonly failure: string | null;
  readonly journal: readonly JournalEntry[];
}

/** What a run needs beside its steps. */
export interface TerminalRun {
  readonly argv: readonly string[];
  readonly script: WorkerScript;
  readonly steps: readonly Step[];
  readonly env?: Readonly<Record<string, string>>;
  /** Looks at the home folder after the run. */
  readonly after?: (home: string) => Promise<void>;
  /** Prepares the home folder before it. */
  readonly before?: (home: string) => Promise<void>;
}

/** What tests on a terminal lack: Python's `pty` module is the terminal. Elsewhere a missing Python is a failure, not a skip. */
export const missingPty: Missing = process.platform === 'win32' ? 'Windows has no pty module' : undefined;

/** Fails when there is no Python with a `pty` module. */
export function requirePython(): void {
  const { status } = spawnSync('python3', ['-c', 'import pty']);
  if (status !== 0) throw new Error('Expected python3 with its pty module. Install python3.');
}

/** Runs the command on a real pseudo-terminal of 80 columns and 24 rows. */
export function runOnTerminal({ argv, script, steps, env = {}, before, after }: TerminalRun): Promise<TerminalOutcome> {
  return withTemporaryFolder(async (folder) => {
    const home = join(folder, 'home');
    await before?.(home);
    const world = await scriptedWorld(folder, script);
    const child = spawn('python3', [terminal, '30', process.execPath, scriptedBin, ...argv], {
      env: { ...world.env, ...env },
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stdin.end(steps.map((step) => `${JSON.stringify(step)}\n`).join(''));
    await new Promise((resolve) => child.once('close', resolve));
    const outcome = JSON.parse(stdout) as Omit<TerminalOutcome, 'journal'>;
    await after?.(home);
    return { ...outcome, journal: readJournal(world.journal) };
  });
}

/** The environment of a command with a scripted model process and a home in `folder`. */
export async function scriptedWorld(
  folder: string,
  script: WorkerScript,
): Promise<{ readonly env: Readonly<Record<string, string | undefined>>; readonly journal: string }> {
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
    // Otherwise every first chat asks; whoever tests that takes it away.
    GEMMA_MEMORY_REMEMBER_CHATS: 'false',
    GEMMA_TEST_WORKER: JSON.stringify(scriptedWorker({ journal, ...script })),
  };
  return { env, journal };
}

/** What the model was given, one readable text per answer. */
export function promptsOf(journal: readonly JournalEntry[]): readonly string[] {
  return journal.flatMap((entry) => (entry.event === 'decode' ? [entry.prompt] : []));
}

const terminal = fileURLToPath(new URL('./fixtures/terminal.py', import.meta.url));

/** The command with the worker of `GEMMA_TEST_WORKER`. */
export const scriptedBin = fileURLToPath(new URL('./fixtures/scripted-bin.mjs', import.meta.url));
