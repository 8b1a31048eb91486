import { describe, it } from 'vitest';

/** What a test needs and this machine lacks, in words; `undefined` = nothing is missing. */
export type Missing = string | undefined;

/** What tests lack that read permissions, named pipes or devices as Linux has them. */
export const missingLinux: Missing = process.platform === 'linux' ? undefined : 'needs what only Linux has';

/** What tests lack that run a shell script, or look at the mode of a file. */
export const missingUnix: Missing = process.platform === 'win32' ? 'Windows has no shell scripts and modes' : undefined;

/** Declares a test, or skips it with the reason in its title: a skip that says nothing looks like a pass. */
export function itUnless(missing: Missing, title: string, body: () => unknown, timeoutMs?: number): void {
  if (missing === undefined) it(title, timeoutMs === undefined ? {} : { timeout: timeoutMs }, () => body());
  // oxlint-disable-next-line vitest/no-disabled-tests -- the one place that skips, and it says why
  else it.skip(`${title} (skipped: ${missing})`, () => {});
}

/** Declares a suite, or skips it as a whole with the reason in its title. */
export function describeUnless(missing: Missing, title: string, body: () => void): void {
  // oxlint-disable-next-line vitest/valid-describe-callback -- the suite is the caller's
  if (missing === undefined) describe(title, body);
  // oxlint-disable-next-line vitest/no-disabled-tests, vitest/valid-describe-callback -- as above
  else describe.skip(`${title} (skipped: ${missing})`, body);
}
