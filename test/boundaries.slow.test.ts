import { execFile } from 'node:child_process';
import { cp, mkdtemp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from './workspace.ts';

/** A forbidden arrow: written into `file`, it must be reported under `rule`. */
interface Plant {
  readonly rule: string;
  readonly file: string;
  readonly text: string;
}

const plants: readonly Plant[] = [
  arrow('contracts', '@gemma-cli/models'),
  arrow('testkit', '@gemma-cli/engine'),
  arrow('bench-kit', '@gemma-cli/engine'),
  arrow('config', '@gemma-cli/models'),
  arrow('models', '@gemma-cli/config'),
  arrow('model-process', '@gemma-cli/models'),
  arrow('engine', '@gemma-cli/engine-optimized'),
  arrow('engine-optimized', '@gemma-cli/engine'),
  arrow('rag-core', '@gemma-cli/record'),
  arrow('record', '@gemma-cli/rag'),
  arrow('rag', '@gemma-cli/rag-optimized'),
  arrow('rag-optimized', '@gemma-cli/rag'),
  arrow('ingest', '@gemma-cli/rag-core'),
  arrow('app', '@gemma-cli/record'),
  arrow('cli', '@gemma-cli/bench-kit'),
  arrow('bench', '@gemma-cli/testkit'),
  {
    rule: 'no-circular',
    file: 'packages/app/src/planted-a.ts',
    text: "export { b } from './planted-b.ts';\nexport const a = 1;\n",
  },
  {
    rule: 'implementations-only-by-dynamic-import',
    file: 'packages/cli/src/runtime/planted-static.ts',
    text: "export { handshake } from '@gemma-cli/engine';\n",
  },
  {
    rule: 'implementations-only-from-the-resolver',
    file: 'packages/cli/src/planted-dynamic.ts',
    text: "export const load = () => import('@gemma-cli/engine-optimized');\n",
  },
  {
    rule: 'no-test-tools-at-run-time',
    file: 'packages/engine/src/planted-testkit.ts',
    text: "export * from '@gemma-cli/testkit';\n",
  },
  {
    rule: 'no-import-past-exports',
    file: 'packages/app/src/planted-past.ts',
    text: "export { planted } from '../../contracts/src/planted-arrow.ts';\n",
  },
  {
    rule: 'no-path-into-a-build',
    file: 'packages/app/src/planted-dist.ts',
    text: "export { errorCodes } from '../../contracts/dist/error-codes.js';\n",
  },
  {
    rule: 'no-src-to-test',
    file: 'packages/models/src/planted-test.ts',
    text: "export { planted } from '../test/planted.ts';\n",
  },
  {
    rule: 'not-to-unresolvable',
    file: 'packages/models/src/planted-unresolved.ts',
    text: "export { codes } from '@gemma-cli/contracts/dist/error-codes.js';\n",
  },
  {
    rule: 'no-dev-dependencies-at-run-time',
    file: 'packages/models/src/planted-dev.ts',
    text: "export { version } from 'typescript';\n",
  },
  {
    rule: 'unknown-package',
    file: 'packages/planted-package/src/index.ts',
    text: "export { a } from './a.ts';\n",
  },
];

/** Files that the plants above lean on and that break no rule themselves. */
const supports: Readonly<Record<string, string>> = {
  'packages/app/src/planted-b.ts': "import { a } from './planted-a.ts';\nexport const b = a;\n",
  'packages/models/test/planted.ts': 'export const planted = 1;\n',
  'packages/planted-package/src/a.ts': 'export const a = 1;\n',
};

let copy: string;
let violations: readonly string[];

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'gemma-boundaries-'));
  await copyWorkspace(copy);
  for (const plant of plants) await write(plant.file, plant.text);
  for (const [file, text] of Object.entries(supports)) await write(file, text);
  violations = await cruise(copy);
}, 60_000);

afterAll(() => rm(copy, { recursive: true, force: true }));

test.each(plants)('a planted arrow turns $rule red', ({ rule, file }) => {
  expect(violations).toContain(`${rule}: ${file}`);
});

test('every rule that forbids has a planted arrow', async () => {
  const rules = [...(await readFile(join(root, '.dependency-cruiser.cjs'), 'utf8')).matchAll(/name: '([^']+)'/g)];
  const planted = new Set(plants.map(({ rule }) => rule));
  const unplanted = rules.map(([, name]) => name).filter((name) => name !== undefined && !planted.has(name));
  expect(unplanted).toEqual([]);
});

/** The rule of a package is broken by importing a package that its row does not name. */
function arrow(name: string, specifier: string): Plant {
  return {
    rule: `arrows-of-${name}`,
    file: `packages/${name}/src/planted-arrow.ts`,
    text: `import * as planted from '${specifier}';\nexport { planted };\n`,
  };
}

async function write(file: string, text: string): Promise<void> {
  const path = join(copy, file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

/**
 * Copies manifests and entry builds and no other source, so that the answer is about the plants alone. Every package can
 * see every other one here: an arrow must be found by the rules, not by an import that fails.
 */
async function copyWorkspace(target: string): Promise<void> {
  for (const file of ['package.json', '.dependency-cruiser.cjs']) await cp(join(root, file), join(target, file));
  const names = await readdir(join(root, 'packages'));
  for (const name of names) {
    const from = join(root, 'packages', name);
    const to = join(target, 'packages', name);
    await mkdir(join(to, 'src'), { recursive: true });
    await mkdir(join(to, 'node_modules'));
    await cp(join(from, 'package.json'), join(to, 'package.json'));
    await cp(join(from, 'dist'), join(to, 'dist'), { recursive: true });
    await symlink(join(root, 'node_modules', 'typescript'), join(to, 'node_modules', 'typescript'), 'junction');
    await mkdir(join(to, 'node_modules', '@gemma-cli'));
    for (const other of names) {
      await symlink(join(target, 'packages', other), join(to, 'node_modules', '@gemma-cli', other), 'junction');
    }
  }
}

/** Runs the boundary check in `folder` and tells each finding as `rule: file`. */
async function cruise(folder: string): Promise<string[]> {
  const program = join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs');
  // Named one by one: expanding a pattern would walk the linked packages in every node_modules.
  const sources = (await readdir(join(folder, 'packages'))).map((name) => `packages/${name}/src`);
  const args = [program, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...sources];
  const output = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (stdout === '') reject(new Error(`The boundary check wrote nothing: ${stderr}`, { cause: error }));
      else resolve(stdout);
    });
  });
  const report = JSON.parse(output) as { summary: { violations: { from: string; rule: { name: string } }[] } };
  return report.summary.violations.map(({ from, rule }) => `${rule.name}: ${from}`);
}
