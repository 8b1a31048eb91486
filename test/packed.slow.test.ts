import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { npm, npx, pnpmVersion } from '../scripts/tools.mjs';
import { publishedPackages, readManifest, root } from './workspace.ts';

/** Every published package, packed as a release packs it and installed by npm in a folder of its own. */
let project: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'gemma-packed-'));
  const tarballs = join(project, 'tarballs');
  await run(npx([`pnpm@${pnpmVersion}`], ['pnpm', '--recursive', 'pack', '--pack-destination', tarballs]), root);
  const packed = publishedPackages.map(({ manifest }) => ({
    name: manifest.name,
    file: `${manifest.name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`,
  }));
  expect(await readdir(tarballs)).toEqual(expect.arrayContaining(packed.map(({ file }) => file)));
  const dependencies = Object.fromEntries(packed.map(({ name, file }) => [name, `file:tarballs/${file}`]));
  await writeFile(
    join(project, 'package.json'),
    JSON.stringify({
      private: true,
      type: 'module',
      dependencies,
      devDependencies: { '@types/node': readManifest(join(root, 'node_modules', '@types', 'node')).version },
    }),
  );
  await run(npm('install', '--no-audit', '--no-fund', '--ignore-scripts', '--install-links'), project);
}, 280_000);

afterAll(() => rm(project, { recursive: true, force: true }));

const entries = publishedPackages.flatMap(({ manifest }) =>
  Object.keys(manifest.exports ?? {})
    .filter((key) => key !== './package.json')
    .map((key) => ({ entry: `${manifest.name}${key.slice(1)}` })),
);

describe.each(entries)('$entry, installed outside the workspace', ({ entry }) => {
  test('gives the same names by import and by require', async () => {
    const script = join(project, `use-${entry.replaceAll('/', '-')}.mjs`);
    await writeFile(
      script,
      `import { createRequire } from 'node:module';
       const imported = Object.keys(await import('${entry}')).filter((name) => name !== 'module.exports');
       const required = Object.keys(createRequire(import.meta.url)('${entry}'));
       process.stdout.write(JSON.stringify({ imported, required }));`,
    );
    const { stdout } = await run([process.execPath, '--no-warnings', script], project);
    const { imported, required } = JSON.parse(stdout) as { imported: string[]; required: string[] };
    expect(imported.length).toBeGreaterThan(0);
    expect(required.filter((name) => name !== '__esModule')).toEqual(imported);
  });
});

test('no native runtime comes with the packages: it is installed when it is asked for', async () => {
  expect(await readdir(join(project, 'node_modules'))).not.toContain('node-llama-cpp');
});

test('the installed command tells its version', async () => {
  const { manifest } = publishedPackages.find(({ name }) => name === 'cli')!;
  const { stdout } = await run(
    [process.execPath, join(project, 'node_modules', '@gemma-cli', 'cli', 'dist', 'bin.js'), '--version'],
    project,
  );
  expect(stdout).toContain(manifest.version);
});

describe.each(['typescript-5', 'typescript-6', 'typescript'])('a consumer under %s', (compiler) => {
  test('compiles against the declarations of every package', async () => {
    const folder = join(project, compiler);
    await cp(join(root, 'test', 'fixtures', 'consumer.ts'), join(folder, 'consumer.ts'), { recursive: true });
    await writeFile(join(folder, 'readme.mts'), await readmeExample());
    await symlink(join(project, 'node_modules'), join(folder, 'node_modules'), 'junction');
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(consumerConfig));
    const tsc = join(root, 'node_modules', compiler, 'bin', 'tsc');
    const { stdout } = await run([process.execPath, tsc, '-p', folder], folder);
    expect(stdout).toBe('');
  });
});

const consumerConfig = {
  compilerOptions: {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2023'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: false,
  },
  files: ['consumer.ts', 'readme.mts'],
};

/** The example of the README: what a reader copies must compile too. */
async function readmeExample(): Promise<string> {
  const [, example] = /```ts\n(.*?)```/su.exec(await readFile(join(root, 'README.md'), 'utf8')) ?? [];
  if (example === undefined) throw new Error('Expected a ```ts example in README.md.');
  return example;
}

/** Runs a program; one that fails is an error with all it said. */
function run(commandLine: readonly string[], cwd: string): Promise<{ stdout: string; stderr: string }> {
  const [command = '', ...args] = commandLine;
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, stderr });
      else reject(new Error(`\`${commandLine.join(' ')}\` failed.\n${stdout}\n${stderr}`, { cause: error }));
    });
  });
}
