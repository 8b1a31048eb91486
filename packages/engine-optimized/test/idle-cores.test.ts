import { expect, it } from 'vitest';
import { createIdleMeter } from '../src/idle-cores.ts';
import type { CoreTimes } from '../src/idle-cores.ts';

const core = (busy: number, idle: number): CoreTimes => ({ user: busy, nice: 0, sys: 0, irq: 0, idle });

it('tells how many cores were idle since the last call', () => {
  const readings = [
    [core(100, 100), core(100, 100)],
    [core(1100, 100), core(350, 850)],
  ];
  const idleCores = createIdleMeter(() => readings.shift() ?? []);
  expect(idleCores()).toBeUndefined();
  expect(idleCores()).toBeCloseTo(0.75);
});

it('knows nothing where the system does not count, or within a span too short to tell', () => {
  const still = createIdleMeter(() => [core(0, 0), core(0, 0)]);
  still();
  expect(still()).toBeUndefined();
  const readings = [[core(0, 0)], [core(50, 50)], [core(100, 200)]];
  const quick = createIdleMeter(() => readings.shift() ?? []);
  quick();
  expect(quick()).toBeUndefined();
  // The short span counts towards the next one.
  expect(quick()).toBeCloseTo(2 / 3);
});

it('reads the cores of this machine', () => {
  const idleCores = createIdleMeter();
  expect(idleCores()).toBeUndefined();
  const reading = idleCores();
  expect(reading === undefined || reading >= 0).toBe(true);
});
