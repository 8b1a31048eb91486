import { expect, it } from 'vitest';
import { createIdleTimer } from '../src/idle-timer.ts';

it('an idle timer rings once after its time, and not when it is stopped or started again', async () => {
  let rings = 0;
  const timer = createIdleTimer(1);
  timer.start(() => (rings += 100));
  timer.stop();
  expect(timer.until).toBeNull();
  await new Promise<void>((rung) => {
    timer.start(() => (rings += 10));
    timer.start(() => {
      rings += 1;
      rung();
    });
    expect(timer.until).toBeGreaterThan(0);
  });
  expect(rings).toBe(1);
  expect(timer.until).toBeNull();
});

it('an idle timer of more than a month waits, and one of Infinity never rings', async () => {
  let rings = 0;
  const timers = [2 ** 40, Number.POSITIVE_INFINITY].map((idleMs) => createIdleTimer(idleMs));
  // Node takes a time that is too long for 1 ms.
  for (const timer of timers) timer.start(() => (rings += 1));
  await new Promise((done) => setTimeout(done, 5));
  expect(rings).toBe(0);
  expect(timers.map(({ until }) => until === null)).toEqual([false, true]);
  for (const timer of timers) timer.stop();
});
