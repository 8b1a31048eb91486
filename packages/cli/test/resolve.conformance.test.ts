import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { withTemporaryFolder } from '@gemma-cli/testkit';

const run = promisify(execFile);
const resolver = new URL('../dist/runtime/resolve.js', import.meta.url).href;
const contracts = import.meta.resolve('@gemma-cli/contracts');

/** What the resolver said, as plain data. */
interface Outcome {
  readonly resolution?: { requested: string; active: string; reason?: string; cause?: string };
  readonly error?: { code: string; message: string; cause?: string; name: string };
}

/** Files of a package, by path in it; `null`: not installed. */
type PackageFiles = Readonly<Record<string, string>> | null;

const optimized = '@trial/engine-optimized';
const legacy = '@trial/engine';

function sound(implementation: string, handshake: object = {}): Record<string, string> {
  const shake = JSON.stringify({
    contract: 'engine',
    contractVersion: 1,
    implementation,
    package: 'x',
    version: '1.0.0',
    ...handshake,
  });
  return {
    'package.json': JSON.stringify({ type: 'module', exports: './index.js' }),
    'index.js': `export const handshake = ${shake};\nexport async function create(options) { return { name: '${implementation}', options }; }\n`,
  };
}

const soundModule = sound('optimized')['index.js'] ?? '';

/** Resolves in a real process of this Node, with real packages on the disk. */
function resolveWith(
  files: PackageFiles,
  {
    requested = 'optimized',
    legacyFiles = sound('legacy'),
  }: { readonly requested?: string; readonly legacyFiles?: PackageFiles } = {},
): Promise<Outcome> {
  return withTemporaryFolder(async (folder) => {
    for (const [name, content] of [
      [optimized, files],
      [legacy, legacyFiles],
    ] as const) {
      for (const [path, text] of Object.entries(content ?? {})) {
        const file = join(folder, 'node_modules', name, path);
        await mkdir(join(file, '..'), { recursive: true });
        await writeFile(file, text);
      }
    }
    await writeFile(
      join(folder, 'host.mjs'),
      `import { fileURLToPath } from 'node:url';
import { resolveImplementation } from ${JSON.stringify(resolver)};
const importer = fileURLToPath(import.meta.url);
const sources = {
  legacy: { specifier: '${legacy}', importer, load: () => import('${legacy}') },
  optimized: { specifier: '${optimized}', importer, load: () => import('${optimized}') },
};
try {
  const { instance, resolution } = await resolveImplementation({ contract: 'engine', requested: '${requested}', sources, options: { n: 1 } });
  if (instance.name !== resolution.active || instance.options.n !== 1) throw new Error('not the instance it says');
  const { cause, ...rest } = resolution;
  console.log(JSON.stringify({ resolution: { ...rest, ...(cause === undefined ? {} : { cause: cause.message }) } }));
} catch (error) {
  console.log(JSON.stringify({ error: { name: error.name, code: error.code, message: error.message, cause: error.cause?.message } }));
}
`,
    );
    const { stdout } = await run(process.execPath, [join(folder, 'host.mjs')]);
    return JSON.parse(stdout) as Outcome;
  });
}

describe('the resolver', () => {
  test('1: takes the optimized implementation when it works', async () => {
    expect(await resolveWith(sound('optimized'))).toEqual({
      resolution: { contract: 'engine', requested: 'optimized', active: 'optimized' },
    });
  });

  test('2: falls back when the package is not installed, and says so', async () => {
    const { resolution } = await resolveWith(null);
    expect(resolution).toMatchObject({
      requested: 'optimized',
      active: 'legacy',
      reason: `${optimized} is not installed`,
    });
    expect(resolution?.cause).toContain(optimized);
  });

  test('3: falls back when create() throws the typed UnsupportedError, with its message', async () => {
    const files = {
      ...sound('optimized'),
      'index.js': `import { UnsupportedError } from ${JSON.stringify(contracts)};
export const handshake = { contract: 'engine', contractVersion: 1, implementation: 'optimized', package: 'x', version: '1.0.0' };
export async function create() { throw new UnsupportedError({ message: 'This machine has no shared memory.' }); }`,
    };
    const { resolution } = await resolveWith(files);
    expect(resolution).toMatchObject({ active: 'legacy', reason: 'This machine has no shared memory.' });
  });

  test('4: a missing package inside the installed one is a defect, not a reason to fall back', async () => {
    const { error } = await resolveWith({ ...sound('optimized'), 'index.js': `import 'left-out';` });
    expect(error).toMatchObject({ code: 'IMPLEMENTATION_LOAD_FAILED', name: 'ImplementationLoadError' });
    expect(error?.message).toContain(optimized);
    expect(error?.cause).toContain('left-out');
  });

  test('4: nor is our own name, missed by somebody else than the resolver', async () => {
    // The optimized package is there, and imports its own name from a place where it cannot be found.
    const { error } = await resolveWith({
      ...sound('optimized'),
      'index.js': `import { createRequire } from 'node:module'; await import('data:text/javascript,import "${optimized}"');`,
    });
    expect(error?.code).toBe('IMPLEMENTATION_LOAD_FAILED');
  });

  test('4: a target that was never built is a defect', async () => {
    const { error } = await resolveWith({ 'package.json': sound('optimized')['package.json'] ?? '' });
    expect(error).toMatchObject({ code: 'IMPLEMENTATION_LOAD_FAILED' });
    expect(error?.cause).toContain('index.js');
  });

  test('5: a throw while loading is a defect', async () => {
    const { error } = await resolveWith({ ...sound('optimized'), 'index.js': `throw new Error('broken by hand');` });
    expect(error).toMatchObject({ code: 'IMPLEMENTATION_LOAD_FAILED', cause: 'broken by hand' });
  });

  test('5: so is a syntax error', async () => {
    const { error } = await resolveWith({ ...sound('optimized'), 'index.js': `export const handshake = {` });
    expect(error?.code).toBe('IMPLEMENTATION_LOAD_FAILED');
  });

  test('5: so is a create() that fails for no typed reason', async () => {
    const { error } = await resolveWith({
      ...sound('optimized'),
      'index.js': soundModule.replace('return {', 'throw new Error("no"); return {'),
    });
    expect(error).toMatchObject({ code: 'IMPLEMENTATION_LOAD_FAILED', cause: 'no' });
  });

  test.each([
    ['another contract', { contract: 'memory' }],
    ['another version of the contract', { contractVersion: 2 }],
    ['the other implementation', { implementation: 'legacy' }],
  ])('a package that implements %s is refused by name', async (_title, handshake) => {
    const { error } = await resolveWith(sound('optimized', handshake));
    expect(error).toMatchObject({ code: 'IMPLEMENTATION_LOAD_FAILED' });
    expect(error?.message).toContain('expected optimized of engine contract 1');
  });

  test('a module without a handshake is refused', async () => {
    const { error } = await resolveWith({ ...sound('optimized'), 'index.js': 'export const x = 1;' });
    expect(error?.message).toContain('handshake');
  });

  test('legacy loads no trace of the optimized one, be it broken', async () => {
    const { resolution } = await resolveWith(
      { ...sound('optimized'), 'index.js': `throw new Error('broken');` },
      { requested: 'legacy' },
    );
    expect(resolution).toEqual({ contract: 'engine', requested: 'legacy', active: 'legacy' });
  });

  test('when neither is installed, the error says what to do', async () => {
    const { error } = await resolveWith(null, { legacyFiles: null });
    expect(error?.code).toBe('IMPLEMENTATION_LOAD_FAILED');
    expect(error?.message).toContain(`${legacy} is not installed`);
  });
});
