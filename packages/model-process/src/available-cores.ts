import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** How many cores this process may really use, and which limit decided. */
export interface AvailableCores {
  /** The number to start threads from. At least 1. */
  readonly cores: number;
  /** Cores that the scheduler's affinity mask allows. */
  readonly affinityCores: number;
  /** Cores that the control group's CPU quota pays for, not rounded. `null` = no quota. */
  readonly quotaCores: number | null;
  /** A sentence for `doctor`: which of the two limits decided. */
  readonly reason: string;
}

/** Where the facts come from; tests give their own. */
export interface AvailableCoresSources {
  /** Default: `os.availableParallelism`, which follows the affinity mask. */
  readonly affinityCores?: () => number;
  /** Content of a file, or `null` when it cannot be read. Default: the real file system. */
  readonly readText?: (path: string) => string | null;
}

/**
 * The cores really available: the affinity mask, and the control group's quota floored, at least 1. Node follows the
 * mask but not every quota. More threads than cores make llama.cpp about a hundred times slower, because its threads spin at a
 * barrier for each node of the graph.
 */
export function availableCores({
  affinityCores = availableParallelism,
  readText = readTextOrNull,
}: AvailableCoresSources = {}): AvailableCores {
  const affinity = Math.max(1, affinityCores());
  const quota = quotaCores(readText);
  if (quota === null || quota >= affinity) {
    return { cores: affinity, affinityCores: affinity, quotaCores: quota, reason: `${affinity} by CPU affinity` };
  }
  const cores = Math.max(1, Math.floor(quota));
  return {
    cores,
    affinityCores: affinity,
    quotaCores: quota,
    reason: `${cores} by the CPU quota of ${quota} cores (affinity would allow ${affinity})`,
  };
}

/** The smallest quota on the way from this process's control group to the root, version 2 or 1. */
function quotaCores(readText: (path: string) => string | null): number | null {
  const membership = readText('/proc/self/cgroup');
  if (membership === null) return null;
  const quotas = membership
    .split('\n')
    .flatMap((line) => {
      const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      if (path === undefined) return [];
      if (controllers === '') return foldersUp(path).map((folder) => quotaVersion2(folder, readText));
      if (controllers?.split(',').includes('cpu'))
        return foldersUp(path).map((folder) => quotaVersion1(folder, readText));
      return [];
    })
    .filter((quota) => quota !== null);
  return quotas.length === 0 ? null : Math.min(...quotas);
}

/** `/a/b` → `/a/b`, `/a`, `` */
function foldersUp(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '..');
  return [...parts.map((_, index) => `/${parts.slice(0, parts.length - index).join('/')}`), ''];
}

/** `cpu.max` holds `max 100000` or `150000 100000`: microseconds of CPU per period. */
function quotaVersion2(folder: string, readText: (path: string) => string | null): number | null {
  const [quota, period] = (readText(`/sys/fs/cgroup${folder}/cpu.max`) ?? '').trim().split(' ').map(Number);
  return ratio(quota, period);
}

/** A quota of -1 means none. */
function quotaVersion1(folder: string, readText: (path: string) => string | null): number | null {
  const quota = readText(`/sys/fs/cgroup/cpu${folder}/cpu.cfs_quota_us`);
  const period = readText(`/sys/fs/cgroup/cpu${folder}/cpu.cfs_period_us`);
  return ratio(Number(quota ?? Number.NaN), Number(period ?? Number.NaN));
}

function ratio(quota: number | undefined, period: number | undefined): number | null {
  if (quota === undefined || period === undefined) return null;
  return quota > 0 && period > 0 ? quota / period : null;
}

function readTextOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Absent outside Linux and in most containers: then there is no quota to follow.
    return null;
  }
}
