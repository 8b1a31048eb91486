// Does a counted amount of work, in millions of steps. The implementation it claims is its second argument.
// The loop allocates nothing: what a collector does beside it would be noise.
import { reportSample } from '@gemma-cli/bench-kit';

const before = process.cpuUsage();
const state = work(Number(process.argv[2]) * 1e6);
const { user, system } = process.cpuUsage(before);
// Never true; without it the loop could be optimized away.
if (state === 0.5) process.stdout.write('impossible\n');
reportSample({ metric: 'workCpuMs', value: (user + system) / 1000, implementation: process.argv[3] });

function work(steps) {
  let mixed = 1;
  for (let step = 0; step < steps; step += 1) mixed = (Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) + step) | 0;
  return mixed;
}
