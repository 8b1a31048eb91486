import { expect, test } from 'vitest';
import { createRateMeter } from '../src/rate-meter.ts';

test('tells the rate of the last five seconds and the time left', () => {
  let now = 1_000;
  const meter = createRateMeter(() => now);
  expect(meter.report(0, 10_000)).toMatchObject({ bytesPerSecond: 0, remainingSeconds: null });
  now += 2_000;
  expect(meter.report(2_000, 10_000)).toMatchObject({ bytesPerSecond: 1_000, remainingSeconds: 8 });
  now += 5_000;
  // The slow beginning is forgotten: 6,000 bytes in the last five seconds.
  expect(meter.report(8_000, 10_000)).toMatchObject({ bytesPerSecond: 1_200, remainingSeconds: 2 });
});

test('does not know the time left without a total, and begins again with a download that does', () => {
  let now = 0;
  const meter = createRateMeter(() => now);
  meter.report(50_000, null);
  now += 1_000;
  expect(meter.report(60_000, null)).toMatchObject({
    bytesPerSecond: 10_000,
    remainingSeconds: null,
    totalBytes: null,
  });
  now += 1_000;
  expect(meter.report(100, null).bytesPerSecond).toBe(0);
});

test('reports at most four times a second when asked often', () => {
  let now = 0;
  const meter = createRateMeter(() => now);
  let events = 0;
  for (; now < 1_000; now += 10) if (meter.reportSometimes(now, null) !== undefined) events++;
  expect(events).toBe(4);
});
