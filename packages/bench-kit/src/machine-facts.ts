import { execFile } from 'node:child_process';
import os from 'node:os';

/** What a figure depends on, beside the program. Holds no name of a host, a user or a folder. */
export interface MachineFacts {
  readonly cpuModel: string;
  /** Cores that the system shows. */
  readonly cores: number;
  /** Cores that this process may use. */
  readonly coresAvailable: number;
  readonly memoryMiB: number;
  /** Kernel name, release and architecture. */
  readonly system: string;
  /** Version of the Node that ran the harness. */
  readonly node: string;
  /** The commit that was measured. `null` outside a git checkout. */
  readonly commit: string | null;
  /** Whether tracked files differed from that commit. `null` outside a git checkout. */
  readonly dirty: boolean | null;
}

/** How busy the machine is. */
export interface MachineLoad {
  /** The load average of the last minute. */
  readonly load1: number;
  /** Share of all cores that worked during half a second, 0..1. */
  readonly busyShare: number;
}

/** Long enough for some ticks of the cores' counters, short enough not to be noticed before a run. */
const busyWindowMs = 500;

/** The part of `node:os` that is asked. */
export type SystemFacts = Pick<
  typeof os,
  'cpus' | 'availableParallelism' | 'totalmem' | 'type' | 'release' | 'arch' | 'loadavg'
>;

/** Runs git with these arguments and gives its output, or `null` when it fails. */
export type RunGit = (args: readonly string[]) => Promise<string | null>;

/** Reads the facts that do not change during a run. */
export async function readMachineFacts({
  system = os,
  runGit = async () => null,
  nodeVersion = process.version,
}: {
  /** Default: `node:os`. */
  readonly system?: SystemFacts;
  /** Default: no commit is known. See {@link gitIn}. */
  readonly runGit?: RunGit;
  /** Default: the version of the running Node. */
  readonly nodeVersion?: string;
} = {}): Promise<MachineFacts> {
  const commit = (await runGit(['rev-parse', 'HEAD']))?.trim() ?? null;
  const changes = commit === null ? null : await runGit(['status', '--porcelain', '--untracked-files=no']);
  const cpus = system.cpus();
  return {
    cpuModel: cpus[0]?.model.trim() || 'unknown',
    cores: cpus.length,
    coresAvailable: system.availableParallelism(),
    memoryMiB: Math.round(system.totalmem() / 2 ** 20),
    system: `${system.type()} ${system.release()} ${system.arch()}`,
    node: nodeVersion,
    commit,
    dirty: changes === null ? null : changes.trim() !== '',
  };
}

/** Looks at the machine for half a second. */
export async function readMachineLoad({
  system = os,
  wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
}: {
  /** Default: `node:os`. */
  readonly system?: SystemFacts;
  /** Default: a timer. */
  readonly wait?: (ms: number) => Promise<void>;
} = {}): Promise<MachineLoad> {
  const before = coreTimes(system);
  await wait(busyWindowMs);
  const after = coreTimes(system);
  const total = after.total - before.total;
  return {
    load1: round2(system.loadavg()[0] ?? 0),
    busyShare: total > 0 ? round2((after.busy - before.busy) / total) : 0,
  };
}

/** A sentence when the machine is too busy for figures of wall time, otherwise `null`. */
export function loadWarning({ load1, busyShare }: MachineLoad, cores: number): string | null {
  if (load1 <= 0.5 * cores && busyShare <= 0.25) return null;
  return (
    `The machine was busy at the start (load ${load1} on ${cores} cores, ${Math.round(busyShare * 100)} % of the cores ` +
    'working): wall times are upper bounds, compare CPU times.'
  );
}

/** Git in a folder. A missing git or a folder outside a checkout gives `null`. */
export function gitIn(folder: string): RunGit {
  return (args) =>
    new Promise((resolve) => {
      execFile('git', [...args], { cwd: folder, timeout: 10_000, maxBuffer: 2 ** 24 }, (error, stdout) => {
        resolve(error === null ? stdout : null);
      });
    });
}

function coreTimes(system: SystemFacts): { readonly busy: number; readonly total: number } {
  let busy = 0;
  let total = 0;
  for (const { times } of system.cpus()) {
    const working = times.user + times.nice + times.sys + times.irq;
    busy += working;
    total += working + times.idle;
  }
  return { busy, total };
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
