import { spawn as spawnProcess } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { GemmaError } from '@gemma-cli/contracts';
import type { ErrorCode } from '@gemma-cli/contracts';
import { reportFd, sentFd } from './benchmark.ts';
import type { OutsideMetric, Variant } from './benchmark.ts';
import { readTimeline } from './timeline.ts';
import type { Timeline } from './timeline.ts';

/** What one process gave. */
export interface VariantRun {
  /** `null` = did not happen or cannot be taken. */
  readonly outside: Readonly<Record<OutsideMetric, number | null>>;
  readonly reported: ReadonlyMap<string, number | null>;
  /** The implementation that the process said it ran. `null` when it said none. */
  readonly implementation: string | null;
  readonly timelines: readonly Timeline[];
}

/** The surroundings of one run. */
export interface VariantSurroundings {
  /** The whole environment of the process, the variant's own variables aside. */
  readonly env: Readonly<Record<string, string>>;
  /** Deadline, in milliseconds. */
  readonly timeoutMs: number;
  /** Preload the probe that reports CPU time and memory. */
  readonly probe: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly spawn?: typeof spawnProcess;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

/** Enough to find the proof of work in, small enough to keep for every run. */
const stdoutBytesKept = 64 * 1024;
const stderrBytesKept = 4 * 1024;
/** A report is a few lines; more is a program that took the descriptor for something else. */
const reportBytesMax = 1024 * 1024;
/** How long the streams of an ended process may stay open. */
const drainMsMax = 2000;

/** Named from the package's root, so that it is found from the sources as well as from what is built of them. */
const probePath = fileURLToPath(new URL('../dist/usage-probe.cjs', import.meta.url));

/**
 * Runs a variant once in a fresh process, which gets a process group of its own where the system has them: what is left
 * of the group when the process ends, is aborted or passes its deadline is killed.
 *
 * @throws GemmaError `BENCH_FAILED`, `BENCH_WRONG_IMPLEMENTATION`, `ABORTED`.
 */
export async function runVariant(
  variant: Variant,
  { env, timeoutMs, probe, signal, spawn = spawnProcess, now = () => performance.now() }: VariantSurroundings,
): Promise<VariantRun> {
  if (signal?.aborted === true) throw aborted(variant);
  const { command, args } = commandLine(variant, probe);

  const startMs = now();
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    env: { ...env, ...variant.env, ...(probe ? { BENCH_KIT_PARENT: String(process.pid) } : {}) },
    ...(variant.cwd === undefined ? {} : { cwd: variant.cwd }),
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  const sinceStart = (): number => now() - startMs;

  const [, stdoutStream, stderrStream, sentStream, reportStream] = child.stdio as unknown as [
    null,
    Readable,
    Readable,
    Readable,
    Readable,
  ];
  let firstByteMs: number | null = null;
  let sentByteMs: number | null = null;
  const stdout = new BytesKept(stdoutBytesKept, 'head');
  const stderr = new BytesKept(stderrBytesKept, 'tail');
  const report = new BytesKept(reportBytesMax, 'head');
  stdoutStream.on('data', (bytes: Buffer) => {
    firstByteMs ??= sinceStart();
    stdout.add(bytes);
  });
  sentStream.on('data', () => {
    sentByteMs ??= sinceStart();
  });
  stderrStream.on('data', (bytes: Buffer) => stderr.add(bytes));
  reportStream.on('data', (bytes: Buffer) => report.add(bytes));

  const fail = (code: ErrorCode, message: string, facts: Record<string, unknown> = {}, cause?: unknown): GemmaError =>
    new GemmaError({
      code,
      message: `Variant "${variant.name}": ${message}`,
      facts: { variant: variant.name, ...facts, stderrTail: stderr.text() },
      cause,
    });

  const end = await ended(child, { timeoutMs, signal, sinceStart });
  if (end.type === 'not-started') {
    throw fail('BENCH_FAILED', `"${command}" could not be started.`, { command }, end.cause);
  }
  if (end.reason === 'aborted') throw aborted(variant);
  if (end.reason === 'deadline') {
    throw fail('BENCH_FAILED', `expected an end within ${timeoutMs} ms; the process was killed.`, { timeoutMs });
  }

  const { implementation: expected, exitCode = 0, stdoutIncludes } = variant.expects ?? {};
  if (end.exitCode !== exitCode) {
    const came = end.signal === null ? `exit code ${end.exitCode}` : `signal ${end.signal}`;
    throw fail(
      'BENCH_FAILED',
      `expected exit code ${exitCode}, got ${came}. Its stderr ends: ${stderr.text().trim()}`,
      {
        exitCode: end.exitCode,
        signal: end.signal,
      },
    );
  }
  if (stdoutIncludes !== undefined && !stdout.text().includes(stdoutIncludes)) {
    throw fail('BENCH_FAILED', `expected "${stdoutIncludes}" on stdout; the program did not do its work.`, {
      stdoutHead: stdout.text().slice(0, 200),
    });
  }
  if (report.total > reportBytesMax) {
    throw fail('BENCH_FAILED', `reported ${report.total} bytes; at most ${reportBytesMax} are read.`);
  }
  const { reported, implementations, usage, timelines } = readReport(report.text(), fail);
  const others = implementations.filter((name) => name !== (expected ?? implementations[0]));
  if (others.length > 0 || (expected !== undefined && implementations.length === 0)) {
    const asked = expected === undefined ? 'one implementation' : `the implementation "${expected}"`;
    const came = implementations.length === 0 ? 'none was reported' : `"${implementations.join('", "')}" ran`;
    throw fail('BENCH_WRONG_IMPLEMENTATION', `expected ${asked}, but ${came}.`, { expected, implementations });
  }

  return {
    outside: {
      wallMs: end.wallMs,
      firstByteMs,
      sentByteMs,
      cpuMs: usage?.cpuMs ?? null,
      treeCpuMs: usage?.treeCpuMs ?? null,
      peakRssMiB: usage?.peakRssMiB ?? null,
    },
    reported,
    implementation: implementations[0] ?? null,
    timelines,
  };
}

function commandLine(variant: Variant, probe: boolean): { readonly command: string; readonly args: readonly string[] } {
  const { program } = variant;
  if (program.type === 'command') return { command: program.command, args: program.args ?? [] };
  const preload = probe ? ['--require', probePath] : [];
  return {
    command: program.nodePath ?? process.execPath,
    args: [...preload, ...(program.nodeArgs ?? []), program.module, ...(program.args ?? [])],
  };
}

type End =
  | { readonly type: 'not-started'; readonly cause: unknown }
  | {
      readonly type: 'ended';
      readonly reason: 'itself' | 'deadline' | 'aborted';
      readonly exitCode: number | null;
      readonly signal: NodeJS.Signals | null;
      readonly wallMs: number;
    };

/** Waits until the process has ended and its streams are read, or makes it end. */
function ended(
  child: ChildProcess,
  {
    timeoutMs,
    signal,
    sinceStart,
  }: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined; readonly sinceStart: () => number },
): Promise<End> {
  return new Promise((resolve) => {
    let reason: 'itself' | 'deadline' | 'aborted' = 'itself';
    let drain: NodeJS.Timeout | undefined;
    const stop = (why: 'deadline' | 'aborted'): void => {
      reason = why;
      killGroup(child);
    };
    const onAbort = (): void => stop('aborted');
    const deadline = setTimeout(() => stop('deadline'), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    const settle = (end: End): void => {
      clearTimeout(deadline);
      clearTimeout(drain);
      signal?.removeEventListener('abort', onAbort);
      resolve(end);
    };
    child.once('error', (cause) => {
      // After a successful start this event only tells that a signal could not be sent.
      if (child.pid === undefined) settle({ type: 'not-started', cause });
    });
    child.once('exit', (exitCode, exitSignal) => {
      const wallMs = sinceStart();
      clearTimeout(deadline);
      // Descendants that outlive the process would disturb the next run and hold the streams open.
      killGroup(child);
      drain = setTimeout(() => {
        for (const stream of child.stdio) stream?.destroy();
      }, drainMsMax);
      child.once('close', () => settle({ type: 'ended', reason, exitCode, signal: exitSignal, wallMs }));
    });
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    // The group is gone: that is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function readReport(
  text: string,
  fail: (code: ErrorCode, message: string, facts?: Record<string, unknown>, cause?: unknown) => GemmaError,
): {
  readonly reported: ReadonlyMap<string, number | null>;
  readonly implementations: readonly string[];
  readonly timelines: readonly Timeline[];
  readonly usage: { readonly cpuMs: number; readonly treeCpuMs: number | null; readonly peakRssMiB: number } | null;
} {
  const reported = new Map<string, number | null>();
  const implementations = new Set<string>();
  const timelines: Timeline[] = [];
  let usage = null;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const message = parseLine(line);
    if (message?.['type'] === 'usage') {
      usage = readUsage(message);
      continue;
    }
    if (message?.['type'] === 'timeline') {
      const timeline = readTimeline(message['timeline']);
      if (timeline === null) throw fail('BENCH_FAILED', `expected a timeline, got: ${line.slice(0, 200)}`);
      timelines.push(timeline);
      continue;
    }
    const { metric, value, implementation } = message ?? {};
    const known = typeof value === 'number' && Number.isFinite(value);
    if (message?.['type'] !== 'sample' || typeof metric !== 'string' || !(known || value === null)) {
      throw fail(
        'BENCH_FAILED',
        `expected samples on descriptor ${reportFd} (${sentFd} is for sent bytes), got: ${line.slice(0, 200)}`,
      );
    }
    if (reported.has(metric)) {
      throw fail('BENCH_FAILED', `metric "${metric}" was reported twice; a process gives one value per metric.`, {
        metric,
      });
    }
    reported.set(metric, known ? value : null);
    if (typeof implementation === 'string') implementations.add(implementation);
  }
  return { reported, implementations: [...implementations], timelines, usage };
}

function parseLine(line: string): Record<string, unknown> | null {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function readUsage(message: Record<string, unknown>): {
  readonly cpuMs: number;
  readonly treeCpuMs: number | null;
  readonly peakRssMiB: number;
} {
  const cpuMs = Number(message['cpuMicroseconds']) / 1000;
  // The kernel's interface counts in hundredths of a second whatever its own tick is.
  const treeCpuMs = typeof message['childTicks'] === 'number' ? cpuMs + message['childTicks'] * 10 : null;
  return { cpuMs, treeCpuMs, peakRssMiB: Number(message['maxRssKiB']) / 1024 };
}

function aborted(variant: Variant): GemmaError {
  return new GemmaError({
    code: 'ABORTED',
    message: `The measurement was stopped while "${variant.name}" ran.`,
    facts: { variant: variant.name },
  });
}

/** The first or last bytes of a stream, and how many there were. */
class BytesKept {
  readonly #bytesMax: number;
  readonly #end: 'head' | 'tail';
  #kept = Buffer.alloc(0);
  total = 0;

  constructor(bytesMax: number, end: 'head' | 'tail') {
    this.#bytesMax = bytesMax;
    this.#end = end;
  }

  add(bytes: Buffer): void {
    this.total += bytes.length;
    if (this.#end === 'head' && this.#kept.length >= this.#bytesMax) return;
    const joined = Buffer.concat([this.#kept, bytes]);
    this.#kept = this.#end === 'head' ? joined.subarray(0, this.#bytesMax) : joined.subarray(-this.#bytesMax);
  }

  text(): string {
    return this.#kept.toString('utf8');
  }
}
