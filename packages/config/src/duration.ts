const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/**
 * Reads a duration as Go writes it (`5m`, `1h30m`, `1.5s`, `250ms`) or as bare seconds (`300`, 300). A negative one is
 * Infinity: forever. Gives `null` when it is not a duration.
 */
export function parseDurationMs(value: string | number): number | null {
  const text = String(value).trim();
  if (/^[+-]?\d+(\.\d+)?$/.test(text)) return clampMs(Number(text) * 1000);
  const match = /^([+-]?)((?:\d+(?:\.\d+)?(?:ms|h|m|s))+)$/.exec(text);
  if (match === null) return null;
  let totalMs = 0;
  for (const part of (match[2] ?? '').matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)) {
    totalMs += Number(part[1]) * (unitMs[part[2] ?? ''] ?? Number.NaN);
  }
  return clampMs(match[1] === '-' ? -totalMs : totalMs);
}

/** Writes milliseconds as the shortest duration that {@link parseDurationMs} reads back. Infinity is `-1`. */
export function formatDuration(durationMs: number): string {
  if (durationMs === Number.POSITIVE_INFINITY) return '-1';
  if (durationMs === 0) return '0';
  let restMs = durationMs;
  let text = '';
  for (const [unit, ms] of Object.entries(unitMs)) {
    const count = Math.floor(restMs / ms);
    if (count > 0) text += `${count}${unit}`;
    restMs -= count * ms;
  }
  return text;
}

function clampMs(durationMs: number): number | null {
  if (durationMs < 0) return Number.POSITIVE_INFINITY;
  return Number.isSafeInteger(Math.round(durationMs)) ? Math.round(durationMs) : null;
}
