import { describe, it } from 'vitest';

/** What a test needs and this machine lacks, in words; `undefined` = nothing is missing. */
export type Missing = string | undefined;

/** What tests lack that read permissions, named pipes or devices as Linux has them. */
export const missingLinux: Missing = process.platform === 'linux' ? undefined : 'needs what only Linux has';

/** What tests lack that run a shell script, or look at the mode of a file. */
export const missingUnix: Missing = process.platform === 'win32' ? 'Windows has no shell scripts and modes' : undefined;

/** Declares a test. Where something is missing it skips itself, and reports tell why. */
export function itUnless(missing: Missing, title: string, body: () => unknown, timeoutMs?: number): void {
  it(title, timeoutMs === undefined ? {} : { timeout: timeoutMs }, (context) =>
    missing === undefined ? body() : context.skip(missing),
  );
}

/** Declares a suite. Where something is missing one test stands for it, which skips itself, and reports tell why. */
export function describeUnless(missing: Missing, title: string, body: () => void): void {
  if (missing === undefined) {
    describe(title, () => {
      body();
    });
  } else itUnless(missing, title, body);
}
