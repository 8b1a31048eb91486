import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withTemporaryFolder } from '@gemma-cli/testkit';
import { createMemory, type ImplementationSource } from '../src/runtime/index.ts';
import { memorySources } from '../src/runtime/memory-sources.ts';

test('the other implementation answers real searches alike, and is loaded for a shadow alone', () =>
  withTemporaryFolder(async (folder) => {
    const loaded: string[] = [];
    const counting = (name: 'legacy' | 'optimized'): ImplementationSource => ({
      ...memorySources[name],
      load: () => {
        loaded.push(name);
        return memorySources[name].load();
      },
    });
    const sources = { legacy: counting('legacy'), optimized: counting('optimized') };
    const text = await readFile(new URL('../../../docs/memory.md', import.meta.url), 'utf8');
    const texts = text.split('\n\n').filter((paragraph) => paragraph.trim() !== '');
    const queries = texts.map((paragraph) => paragraph.trim().split(/\s+/).slice(0, 6).join(' '));
    for (const [implementation, other] of [
      ['optimized', 'legacy'],
      ['legacy', 'optimized'],
    ] as const) {
      const log: string[] = [];
      const options = { folder: join(folder, implementation), implementation, sources };
      const plain = await createMemory(options);
      await plain.memory.addMany(texts.map((paragraph) => ({ text: paragraph, tier: 'semantic' })));
      for (const query of queries) await plain.memory.search({ query });
      await plain.memory.close();
      expect(loaded.splice(0)).toEqual([implementation]);
      const { memory, resolution } = await createMemory({ ...options, shadow: 1, log: (line) => log.push(line) });
      expect(resolution).toEqual({ contract: 'memory', requested: implementation, active: implementation });
      for (const query of queries) await memory.search({ query });
      expect(loaded.splice(0)).toEqual([implementation]);
      const { seq, shadow } = await memory.stats();
      expect(shadow).toMatchObject({ implementation: null, compared: 0 });
      await memory.close();
      expect(loaded.splice(0)).toEqual([other]);
      expect(queries.length).toBeGreaterThan(20);
      const [, compared, active, asked, tooLate] =
        /^Shadow: (\d+) of the searches of the (\w+) memory were compared with the (\w+) one: 0 with other rows, 0 in another order, 0 with other scores; .* 0 failed, (\d+) too late\.$/.exec(
          log.findLast((line) => line.startsWith('Shadow: ')) ?? '',
        ) ?? [];
      expect([active, asked]).toEqual([implementation, other]);
      // On a machine that is busy the last ones come too late.
      expect(Number(compared) + Number(tooLate)).toBe(queries.length);
      expect(Number(compared)).toBeGreaterThan(0);
      const after = await createMemory(options);
      // Nothing was written through the other one.
      expect((await after.memory.stats()).seq).toBe(seq);
      await after.memory.close();
      loaded.length = 0;
    }
  }));
