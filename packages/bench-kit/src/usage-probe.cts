/**
 * Preloaded with `--require` into a measured Node program: when the program exits it reports CPU time and peak memory.
 * CommonJS and without imports, because what it costs is added to the run it watches.
 */
process.once('exit', () => {
  // Forked processes inherit the preload, worker threads too: only the process that the harness started reports.
  const { isMainThread } = process.getBuiltinModule('node:worker_threads');
  // oxlint-disable-next-line node/no-process-env -- a program of its own, which has no caller to take parameters from
  if (!isMainThread || process.env['BENCH_KIT_PARENT'] !== String(process.ppid)) return;
  const fs = process.getBuiltinModule('node:fs');
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  let childTicks = null;
  if (process.platform === 'linux') {
    // The name in parentheses may hold spaces; the fields after it do not. Fields 16 and 17 are the waited-for children.
    const fields = fs.readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    childTicks = Number(fields[13]) + Number(fields[14]);
  }
  fs.writeSync(
    4,
    `${JSON.stringify({ type: 'usage', cpuMicroseconds: userCPUTime + systemCPUTime, childTicks, maxRssKiB: maxRSS })}\n`,
  );
});
