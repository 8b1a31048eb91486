import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../scripts/tools.mjs';
import { readCounts } from '../scripts/vitest-run.mjs';
import { root } from './workspace.ts';

/** What `npm test` adds up: counted here for a project whose results are known. */
let folder: string;
let counts: ReturnType<typeof readCounts>;

const files: Readonly<Record<string, string>> = {
  'vitest.config.ts': `import { fileURLToPath } from 'node:url';
  export default { test: { projects: ['a', 'b'].map((name) => ({
    test: { name: 'fast:' + name, root: fileURLToPath(new URL(name, import.meta.url)), include: ['*.test.ts'] },
  })) } };`,
  'a/mixed.test.ts': `import { expect, test } from 'vitest';
    test('passes', () => {});
    test('passes too', () => {});
    test('fails', () => expect(1).toBe(2));
    test('cannot run here', (context) => context.skip('no such device'));`,
  'b/good.test.ts': `import { test } from 'vitest';
    test('passes', () => {});`,
  'b/unloadable.test.ts': `throw new Error('this file cannot be loaded');`,
  'b/hook.test.ts': `import { beforeAll, describe, test } from 'vitest';
    describe('a suite', () => {
      beforeAll(() => { throw new Error('the hook fails'); });
      test('never runs', () => {});
    });`,
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gemma-counts-'));
  for (const [file, text] of Object.entries(files)) {
    await mkdir(join(folder, file, '..'), { recursive: true });
    await writeFile(join(folder, file), text);
  }
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
  const reporter = join(root, 'scripts', 'count-reporter.mjs');
  const file = join(folder, 'counts.json');
  await run([process.execPath, join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', `--reporter=${reporter}`], {
    cwd: folder,
    env: { ...process.env, GEMMA_TEST_COUNTS: file },
    output: 'capture',
  });
  counts = readCounts(file);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('counts passed, failed and skipped tests of each project, and keeps the reason of a skip', () => {
  expect(counts.projects['fast:a']).toMatchObject({
    passed: 2,
    failed: 1,
    skipped: 1,
    skips: ['fast:a: cannot run here (no such device)'],
  });
});

test('a file that cannot be loaded and a hook that fails are failures, though no test of them failed', () => {
  expect(counts.projects['fast:b']).toMatchObject({ passed: 1, failed: 2 });
});

test('tells the time of each project', () => {
  for (const { ms } of Object.values(counts.projects)) expect(ms).toBeGreaterThan(0);
});

test('a run that left no counts is not taken for one that passed', () => {
  expect(readCounts(join(folder, 'never-written.json'))).toEqual({ projects: {}, unhandledErrors: 1 });
});
