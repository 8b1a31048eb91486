import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runNode, type Ended } from './run-node.ts';

const workspace = fileURLToPath(new URL('../../..', import.meta.url));
const modulesOf = (folder: string): string => join(folder, 'install', 'node_modules');
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gemma-fallback-'));
  install('cli');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Puts a package of this workspace where an installation would, and all that it needs. */
function install(name: string): void {
  const from = join(workspace, 'packages', name);
  const to = join(modulesOf(folder), '@gemma-cli', name);
  if (existsSync(to)) return;
  mkdirSync(to, { recursive: true });
  cpSync(join(from, 'dist'), join(to, 'dist'), { recursive: true });
  cpSync(join(from, 'package.json'), join(to, 'package.json'));
  const manifest = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as Record<
    string,
    Record<string, string> | undefined
  >;
  for (const needed of Object.keys({ ...manifest['dependencies'], ...manifest['optionalDependencies'] })) {
    if (needed.startsWith('@gemma-cli/')) {
      install(needed.slice('@gemma-cli/'.length));
      continue;
    }
    const link = join(modulesOf(folder), needed);
    const there = join(from, 'node_modules', needed);
    if (existsSync(link) || !existsSync(there)) continue;
    mkdirSync(join(link, '..'), { recursive: true });
    symlinkSync(realpathSync(there), link);
  }
}

function gemma(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const bin = join(modulesOf(folder), '@gemma-cli', 'cli', 'dist', 'bin.js');
  return runNode(bin, argv, { env: { GEMMA_HOME: join(folder, 'home'), ...env } });
}

async function json(argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await gemma([...argv, '--json'], env);
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('[')]);
  return JSON.parse(stdout) as Record<string, unknown>;
}

const legacy = { GEMMA_PERFORMANCE_USE_OPTIMIZED_RAG: 'false' };
const optimizedPackage = (): string => join(modulesOf(folder), '@gemma-cli', 'rag-optimized');

/** Everything that is remembered, and what two questions find: order, ids, scores, texts and parts. */
async function everything(env?: Readonly<Record<string, string>>): Promise<{ memory: unknown; rest: unknown }> {
  const queries = ['green tea degrees', 'getUserName the'];
  const found = [];
  for (const query of queries) found.push(await json(['search', query, '--explain'], env));
  const { memory: ofList, ...list } = await json(['memory', 'list'], env);
  for (const { memory } of found) expect(memory).toEqual(ofList);
  return { memory: ofList, rest: [list, found.map(({ hits, mode }) => ({ hits, mode }))] };
}

async function ingest(
  files: Readonly<Record<string, string | null>>,
  env?: Readonly<Record<string, string>>,
): Promise<Record<string, unknown>> {
  const docs = join(folder, 'docs');
  mkdirSync(docs, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    if (text === null) rmSync(join(docs, name));
    else writeFileSync(join(docs, name), text);
  }
  return json(['ingest', docs], env);
}

test('flipping use_optimized_rag, removing the optimized package and putting it back changes memory.active, and neither the hits nor what is remembered', async () => {
  const active = { backend: 'embedded', requested: 'optimized', active: 'optimized' };
  const asked = { backend: 'embedded', requested: 'legacy', active: 'legacy' };
  const reason = '@gemma-cli/rag-optimized is not installed';
  const fallen = { backend: 'embedded', requested: 'optimized', active: 'legacy', reason };

  await ingest({
    'tea.md': '# Tea\n\nGreen tea is steeped at eighty degrees.\n',
    'code.ts': 'export function getUserName(user: User): string {\n  return user.name;\n}\n',
    'coffee.md': '# Coffee\n\nCoffee is brewed at ninety-four degrees.\n',
  });
  const { row } = await json(['memory', 'add', 'Ada drinks green tea', '--tier', 'semantic', '--tag', 'people']);
  const { id } = row as { id: string };

  // The switch, one way and back, with what each of them writes between.
  const first = await everything();
  expect(first.memory).toEqual(active);
  expect(await everything(legacy)).toEqual({ memory: asked, rest: first.rest });
  expect(
    await ingest({ 'tea.md': '# Tea\n\nWhite tea is steeped at seventy degrees.\n', 'coffee.md': null }, legacy),
  ).toMatchObject({ documents: 1, unchanged: 1, removed: 1 });
  await json(['memory', 'update', id, '--text', 'Ada drinks black tea', '--importance', '0.9'], legacy);
  const second = await everything();
  expect(second.memory).toEqual(active);
  expect(second.rest).not.toEqual(first.rest);
  expect(await everything(legacy)).toEqual({ memory: asked, rest: second.rest });

  // The package is not there.
  renameSync(optimizedPackage(), join(folder, 'aside'));
  expect(await everything()).toEqual({ memory: fallen, rest: second.rest });
  const { stderr } = await gemma(['search', 'tea']);
  expect(stderr).toContain(`gemma: Using the legacy memory: ${reason}.`);
  expect(await ingest({ 'water.md': 'Water boils at a hundred degrees.\n' })).toMatchObject({ documents: 1 });
  await json(['memory', 'forget', id]);
  await json(['memory', 'add', 'Bob drinks green tea', '--tier', 'long_term']);
  const third = await everything();
  expect(third.memory).toEqual(fallen);

  // It is broken: an error that says so and what helps, and what is remembered is not touched.
  renameSync(join(folder, 'aside'), optimizedPackage());
  const file = join(optimizedPackage(), 'dist', 'index.js');
  const whole = readFileSync(file, 'utf8');
  writeFileSync(file, `${whole}\nexport const = broken`);
  const broken = await gemma(['search', 'tea', '--json']);
  expect(broken.code).toBe(4);
  const { error } = JSON.parse(broken.stdout) as { error: Record<string, unknown> };
  expect(error).toMatchObject({ code: 'IMPLEMENTATION_LOAD_FAILED', package: '@gemma-cli/rag-optimized' });
  expect(error['message']).toContain('use_optimized_rag');
  expect(await everything(legacy)).toEqual({ memory: asked, rest: third.rest });

  // Whole again, it knows all that was written without it.
  writeFileSync(file, whole);
  expect(await everything()).toEqual({ memory: active, rest: third.rest });
  expect(await json(['memory', 'verify'])).toMatchObject({ ok: true, problems: [] });
});
