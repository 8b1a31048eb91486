import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, tool } from './tools.mjs';

/** What runs on Node 24 too. */
export const node24Projects = ['--project=fast:*', '--project=conformance:*'];

/**
 * Runs a kind of tests and counts them.
 *
 * @param {string} label names the run and its file of counts
 * @param {readonly string[]} args of vitest
 * @param {{ env?: NodeJS.ProcessEnv, node?: string, minutesMax?: number }} [options] `node`: another
 *   Node to run on; `minutesMax`: a run that hangs is killed then, and counts as failed.
 * @returns {Promise<{ code: number, seconds: number, projects: Record<string, Counts>, unhandledErrors: number }>}
 * @typedef {{ passed: number, failed: number, skipped: number, ms: number, skips: string[] }} Counts
 */
export async function runVitest(label, args, { env = process.env, node = process.execPath, minutesMax } = {}) {
  const file = join(root, '.test-results', `${label.replaceAll(' ', '-')}.json`);
  rmSync(file, { force: true });
  const [, vitest] = tool('vitest');
  const reporters = ['--reporter=default', `--reporter=${join(root, 'scripts', 'count-reporter.mjs')}`];
  const { code, seconds } = await run([node, vitest, 'run', ...args, ...reporters], {
    env: { ...env, GEMMA_TEST_COUNTS: file },
    minutesMax,
  });
  return { code, seconds, ...readCounts(file) };
}

/**
 * What the reporter wrote. A run that died before its end left nothing: nothing of it is known to have passed.
 *
 * @param {string} file
 * @returns {{ projects: Record<string, Counts>, unhandledErrors: number }}
 */
export function readCounts(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { projects: {}, unhandledErrors: 1 };
  }
}

/** Fast tests talk to nothing but loopback. Node 20 would parse extra certificates at each of their child processes. */
export function fastTestEnvironment(env = process.env) {
  const { NODE_EXTRA_CA_CERTS: _, ...rest } = env;
  return rest;
}
