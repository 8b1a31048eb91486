import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { scriptedWorker, withTemporaryFolder, type WorkerScript } from '@gemma-cli/testkit';
import { main } from '../src/main.ts';
import { tinyModel } from './tiny-model.ts';

/** A folder with a home and a small model, and a way to run the command in it. */
export interface MainTrial {
  readonly folder: string;
  /** Path of the model that answers when none is named. */
  readonly model: string;
  readonly journal: string;
  run(argv: readonly string[], options?: RunMainOptions): Promise<MainOutcome>;
}

export interface RunMainOptions {
  readonly script?: WorkerScript;
  /** What is piped in. Default: an empty standard input. */
  readonly input?: string;
  /** stdout is a terminal. */
  readonly terminal?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with all of stdout whenever something comes. */
  readonly onStdout?: (text: string, controls: { abort(): void; breakPipe(): void }) => void;
}

export interface MainOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `body` with the command in this process, a real engine and a scripted model process. */
export function tryMain(
  { chat = true }: { readonly chat?: boolean },
  body: (trial: MainTrial) => Promise<void>,
): Promise<void> {
  return withTemporaryFolder(async (folder) => {
    const model = join(folder, 'tiny.gguf');
    const journal = join(folder, 'journal.jsonl');
    await writeFile(model, tinyModel({ chat }));
    await body({
      folder,
      model,
      journal,
      async run(argv, { script = {}, input = '', terminal = false, env = {}, onStdout } = {}) {
        const stdin = new PassThrough();
        stdin.end(input);
        const stdout = Object.assign(new PassThrough(), { isTTY: terminal });
        const stderr = new PassThrough();
        const controller = new AbortController();
        const texts = { stdout: '', stderr: '' };
        const controls = {
          abort: () => controller.abort(),
          breakPipe: () => {
            stdout.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
          },
        };
        stdout.setEncoding('utf8').on('data', (chunk: string) => {
          texts.stdout += chunk;
          onStdout?.(texts.stdout, controls);
        });
        stderr.setEncoding('utf8').on('data', (chunk: string) => {
          texts.stderr += chunk;
        });
        const code = await main({
          argv,
          env: { GEMMA_HOME: join(folder, 'home'), GEMMA_GEMMA_DEFAULT_MODEL: model, ...env },
          cwd: folder,
          stdin,
          stdout,
          stderr,
          signal: controller.signal,
          worker: scriptedWorker({ journal, capabilities: { chat }, ...script }),
        });
        // What was written last arrives with the next turn of the loop.
        await new Promise((resolve) => setImmediate(resolve));
        return { code, ...texts };
      },
    });
  });
}
