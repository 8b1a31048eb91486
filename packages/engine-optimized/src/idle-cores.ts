import { cpus } from 'node:os';

/** Milliseconds that a core has spent so far, as `os.cpus` tells. */
export type CoreTimes = Readonly<Record<'user' | 'nice' | 'sys' | 'idle' | 'irq', number>>;

/** Shorter spans hold too few of the kernel's ticks of 1 to 10 ms. */
const spanMsMin = 200;

/**
 * Makes a meter of idle cores: each call tells how many cores nothing has used since the call before, on average.
 * `undefined` on the first call, where the system does not count, and for spans too short to tell.
 */
export function createIdleMeter(
  readTimes: () => readonly CoreTimes[] = () => cpus().map(({ times }) => times),
): () => number | undefined {
  let before: { readonly idle: number; readonly total: number; readonly cores: number } | undefined;
  return () => {
    const times = readTimes();
    const idle = times.reduce((sum, core) => sum + core.idle, 0);
    const total = times.reduce((sum, core) => sum + core.user + core.nice + core.sys + core.idle + core.irq, 0);
    const last = before;
    if (last === undefined || last.cores !== times.length) {
      before = { idle, total, cores: times.length };
      return undefined;
    }
    const passed = total - last.total;
    if (!(passed >= spanMsMin * times.length)) return undefined;
    before = { idle, total, cores: times.length };
    return (Math.max(0, idle - last.idle) / passed) * times.length;
  };
}
