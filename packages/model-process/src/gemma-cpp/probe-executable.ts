import { spawn } from 'node:child_process';
import { GemmaError } from '@gemma-cli/contracts';

/** A gemma.cpp executable and what it can be told. */
export interface GemmaExecutable {
  readonly path: string;
  /** Names of the flags in its help, without the dashes. */
  readonly flags: ReadonlySet<string>;
}

/** What the driver cannot do without. `prompt_file` came last, in June 2025, and tells newer builds from the tags. */
const neededFlags = [
  'weights',
  'verbosity',
  'seq_len',
  'max_generated_tokens',
  'temperature',
  'top_k',
  'multiturn',
  'eot_line',
  'prompt_file',
] as const;

const helpBytesMax = 256 * 1024;

/**
 * Asks an executable for its help, which is all that it tells about itself: there is no version. The help comes on stderr
 * with exit code 0, and unknown flags are ignored in silence, so a flag that is missing here would be lost without a word.
 *
 * @throws GemmaError `RUNTIME_UNSUPPORTED` when it is something else or too old, `ENGINE_START_FAILED`, `ABORTED`.
 */
export async function probeExecutable(
  path: string,
  {
    env,
    timeoutMs,
    signal,
  }: { readonly env: Readonly<Record<string, string>>; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<GemmaExecutable> {
  const help = await readHelp(path, env, timeoutMs, signal);
  const flags = new Set([...help.matchAll(/^\s+--([a-z_]+) : /gmu)].map(([, name]) => name ?? ''));
  const missing = neededFlags.filter((flag) => !flags.has(flag));
  if (missing.length === 0) return { path, flags };
  const isGemmaCpp = flags.has('weights') || flags.has('compressed_weights') || help.includes('gemma.cpp');
  throw new GemmaError({
    code: 'RUNTIME_UNSUPPORTED',
    message: isGemmaCpp
      ? `Expected a gemma.cpp of June 2025 or later at ${path}, and its help lacks ${missing.map((flag) => `--${flag}`).join(', ')}: releases up to v0.1.4 do. Build the current main branch.`
      : `Expected gemma.cpp at ${path}, and its help is not that of gemma.cpp. Set gemma.executable_path to the executable that the build of gemma.cpp gave.`,
    facts: { path, missing, isGemmaCpp },
  });
}

function readHelp(
  path: string,
  env: Readonly<Record<string, string>>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(aborted());
      return;
    }
    let help = '';
    const child = spawn(path, ['--help'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const fail = (error: GemmaError): void => {
      settle();
      child.kill('SIGKILL');
      reject(error);
    };
    const onAbort = (): void => fail(aborted());
    const timer = setTimeout(
      () =>
        fail(
          new GemmaError({
            code: 'ENGINE_START_FAILED',
            message: `Expected ${path} --help to end within ${timeoutMs} ms. It was ended.`,
            facts: { path, timeoutMs },
          }),
        ),
      timeoutMs,
    );
    function settle(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
    signal.addEventListener('abort', onAbort, { once: true });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (help.length < helpBytesMax) help += text;
    });
    child.once('error', (cause) =>
      fail(
        new GemmaError({
          code: 'ENGINE_START_FAILED',
          message: `${path} could not be started: ${cause.message}`,
          facts: { path },
          cause,
        }),
      ),
    );
    child.once('close', () => {
      settle();
      resolve(help);
    });
  });
}

function aborted(): GemmaError {
  return new GemmaError({ code: 'ABORTED', message: 'The request was aborted while gemma.cpp was looked for.' });
}
