/**
 * Other work on the machine: keeps one core busy until it is ended by its process id. Ends by itself when its parent is
 * gone, or after its only argument in milliseconds.
 *
 * @module
 */
const lifeMs = Number(process.argv[2]);
const parent = process.ppid;
const startedAt = performance.now();
let busyFor = 0;
while (performance.now() - startedAt < lifeMs && process.ppid === parent) {
  for (let step = 0; step < 1_000_000; step += 1) busyFor += Math.sqrt(step);
}
process.exitCode = busyFor > 0 ? 0 : 1;
