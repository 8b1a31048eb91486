import { readFile } from 'node:fs/promises';
import { requestDefaults, requestRanges } from '@gemma-cli/contracts';
import { describe, expect, it } from 'vitest';
import { configKeys, getConfigValue, loadConfig, requestOptionsOf } from '../src/index.ts';
import { documentedKeys } from './documented-keys.ts';

const nowhere = { home: '/nowhere/home', cwd: '/nowhere', env: {} };

describe('configKeys', () => {
  it('gives every key a type, a reason and a summary', () => {
    for (const row of configKeys) {
      expect(row.reason, row.key).toMatch(/\w.*[.]$/s);
      expect(row.summary, row.key).toMatch(/\w.*[.]$/s);
      expect(row.type, row.key).toMatch(/\w/);
      expect(row.key).toMatch(/^[a-z]+\.[a-z_]+$/);
    }
  });

  it('names every key and every variable once', () => {
    expect(new Set(configKeys.map((row) => row.key)).size).toBe(configKeys.length);
    const names = configKeys.flatMap((row) => [row.environment, ...row.environmentAliases]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('derives the variable from section and name', () => {
    expect(configKeys.find((row) => row.key === 'engine.keep_alive')?.environment).toBe('GEMMA_ENGINE_KEEP_ALIVE');
  });

  it('has the five documented keys of [performance], and that of the shadow, with their defaults', () => {
    const rows = configKeys.filter((row) => row.key.startsWith('performance.'));
    expect(Object.fromEntries(rows.map((row) => [row.key, row.default]))).toEqual({
      'performance.use_optimized_gemma': true,
      'performance.use_optimized_rag': true,
      'performance.enable_query_cache': true,
      'performance.batch_size': 100,
      'performance.cache_max_size': 100,
      'performance.shadow': 0,
    });
  });

  it('shows the defaults that the loaded configuration has, as a file writes them', async () => {
    const loaded = await loadConfig(nowhere);
    for (const row of configKeys) {
      expect(getConfigValue(loaded, row.key), row.key).toEqual({
        key: row.key,
        value: row.default,
        origin: { source: 'default' },
      });
    }
  });

  it('takes the defaults of requests from the contract', async () => {
    const { config } = await loadConfig(nowhere);
    const { sampling } = config;
    const names = Object.keys(sampling) as (keyof typeof sampling)[];
    expect(names).toContain('xtcThreshold');
    expect(sampling).toEqual(Object.fromEntries(names.map((name) => [name, requestDefaults[name]])));
    expect(config.engine.promptCharsMax).toBe(requestDefaults.promptCharsMax);
    expect(config.engine.responseBytesMax).toBe(requestDefaults.responseBytesMax);
  });

  it('takes what a request takes, and refuses the values just beyond', async () => {
    const keys = [
      'engine.context_tokens',
      ...configKeys.map(({ key }) => key).filter((key) => key.startsWith('sampling.')),
    ];
    // Every number of a request but the seed, which would make each answer the same.
    expect(keys).toHaveLength(Object.keys(requestRanges).length - 1);
    for (const key of keys) {
      const name = (key.split('.')[1] ?? '').replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
      const { min, max, integer } = requestRanges[name as keyof typeof requestRanges];
      const step = integer ? 1 : 0.001;
      for (const value of [min, max]) {
        const { sampling, ...others } = requestOptionsOf(await loadConfig({ ...nowhere, flags: { [key]: value } }));
        expect({ ...sampling, ...others }, key).toEqual({ [name]: value });
      }
      for (const value of [min - step, max + step, ...(integer ? [min + 0.5] : []), Number.NaN])
        await expect(loadConfig({ ...nowhere, flags: { [key]: value } }), `${key} ${value}`).rejects.toMatchObject({
          code: 'CONFIG_INVALID',
        });
    }
  });

  it('is what docs/configuration.md shows', async () => {
    const page = await readFile(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
    const shown = page.split('<!-- keys -->')[1]?.trim();
    expect(shown).toBe(documentedKeys(configKeys));
  });
});
