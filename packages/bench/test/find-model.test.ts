import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findModel } from '../src/find-model.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gemma-bench-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a file is taken as it is named, relative to the working directory', async () => {
  writeFileSync(join(folder, 'm.gguf'), '');
  expect(await findModel({ named: 'm.gguf', env: {}, cwd: folder, home: undefined })).toBe(join(folder, 'm.gguf'));
});

test('without a name and without a store there is no model, and no folder is made', async () => {
  expect(await findModel({ named: undefined, env: {}, cwd: folder, home: folder })).toBeUndefined();
  expect(existsSync(join(folder, '.gemma_cli'))).toBe(false);
});

test('an empty store has none of the default models, and refuses a name', async () => {
  const looking = { env: { GEMMA_TEST_MODELS: folder }, cwd: folder, home: undefined };
  expect(await findModel({ ...looking, named: undefined })).toBeUndefined();
  await expect(findModel({ ...looking, named: 'gemma3:270m' })).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
});
