import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pnpmVersion } from '../scripts/tools.mjs';
import { packages, publishedPackages, readManifest, root } from './workspace.ts';

const workspace = readManifest(root);
const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

describe.each(packages)('package $name', ({ name, folder, manifest }) => {
  test('is named after its folder, in ESM, under Apache-2.0, from Node 20.19 on', () => {
    expect(manifest).toMatchObject({
      name: `@gemma-cli/${name}`,
      type: 'module',
      license: 'Apache-2.0',
      engines: { node: '>=20.19' },
    });
    expect(manifest.description).toMatch(/^[A-Z].{10,}\.$/u);
  });

  test('brings a README and the licence, and no source maps', () => {
    expect(manifest.files).toEqual(['dist', '!dist/**/*.map', 'README.md', 'LICENSE']);
    expect(read('packages', name, 'README.md')).toContain(`@gemma-cli/${name}`);
    expect(read('packages', name, 'LICENSE')).toBe(read('LICENSE'));
  });

  test('has exports and programs that the build made', () => {
    const targets = Object.values(manifest.exports ?? {}).flatMap((target) =>
      typeof target === 'string' ? [target] : [target.types ?? '', target.default ?? ''],
    );
    const missing = [...targets, ...Object.values(manifest.bin ?? {})].filter(
      (target) => !existsSync(join(folder, target)),
    );
    expect(missing).toEqual([]);
  });

  test('pins what it does not take from the catalog or the workspace', () => {
    const versions = Object.values({ ...manifest.dependencies, ...manifest.optionalDependencies });
    for (const version of versions) expect(version).toMatch(/^(catalog:|workspace:\^|\d+\.\d+\.\d+)$/u);
  });
});

test('all packages share one version, as changesets fixes them', () => {
  expect(new Set(packages.map(({ manifest }) => manifest.version)).size).toBe(1);
  expect(JSON.parse(read('.changeset', 'config.json'))).toMatchObject({ fixed: [['@gemma-cli/*']] });
});

test('published packages ask for provenance', () => {
  for (const { folder } of publishedPackages) {
    expect(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))).toMatchObject({
      publishConfig: { access: 'public', provenance: true },
    });
  }
});

test('every package is in the project references of the root', () => {
  const { references } = JSON.parse(read('tsconfig.json')) as { references: { path: string }[] };
  expect(references.map(({ path }) => path).toSorted()).toEqual(packages.map(({ name }) => `packages/${name}`));
});

test('the pnpm of the scripts is the pnpm of packageManager', () => {
  expect(workspace.packageManager).toBe(`pnpm@${pnpmVersion}`);
  const workflows = trackedFiles().filter((file) => file.startsWith('.github/workflows/'));
  const others = ['README.md', 'CONTRIBUTING.md', ...workflows].flatMap((file) => [
    ...read(file).matchAll(/pnpm@(\d+\.\d+\.\d+)/gu),
  ]);
  for (const [, version] of others) expect(version).toBe(pnpmVersion);
});

test('the manifest that npm reads first has no protocol that npm does not know', () => {
  for (const version of Object.values(workspace.devDependencies ?? {}))
    expect(version).not.toMatch(/catalog:|workspace:/u);
});

test('the README names the two set-up commands, and scripts answer to them', () => {
  const readme = read('README.md');
  expect(readme).toContain('npm start');
  expect(readme).toContain('npm test');
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  expect(scripts['start']).toBe('node scripts/start.mjs');
  expect(scripts['test']).toBe('node scripts/test.mjs');
  expect(read('.ci', 'run')).toContain('npm test');
});

test('relative links in the documents lead somewhere', () => {
  const documents = trackedFiles().filter((file) => file.endsWith('.md') && !file.includes('CHANGELOG'));
  const broken = documents.flatMap((file) =>
    [...read(file).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)\s]*)?\)/gu)]
      .filter(([, target]) => target !== undefined && !existsSync(join(root, file, '..', target)))
      .map(([, target]) => `${file} -> ${target}`),
  );
  expect(broken).toEqual([]);
});

test('no tracked file names a path of somebody’s machine', () => {
  // Written in pieces, or this file would be the first to fail.
  const homes = new RegExp(['/ro', 'ot/|/wo', 'rk/main|/wo', 'rk/shared'].join(''), 'u');
  const named = trackedFiles()
    .filter((file) => file !== 'pnpm-lock.yaml' && /\.(ts|mjs|cjs|js|json|md|ya?ml|toml)$|(^|\/)[^.]+$/u.test(file))
    .filter((file) => existsSync(join(root, file)) && homes.test(read(file)));
  expect(named).toEqual([]);
});

test('no weights and no large files are tracked', () => {
  const large = trackedFiles()
    .filter((file) => existsSync(join(root, file)))
    .filter((file) => /\.(gguf|sbs|safetensors)$/u.test(file) || readFileSync(join(root, file)).length > 1024 * 1024);
  expect(large).toEqual([]);
});

/** Paths that git knows, relative to the root. */
function trackedFiles(): string[] {
  return execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0').filter(Boolean);
}
