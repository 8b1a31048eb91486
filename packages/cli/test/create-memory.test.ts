import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UnsupportedError } from '@gemma-cli/contracts';
import { withTemporaryFolder } from '@gemma-cli/testkit';
import { createMemory } from '../src/runtime/index.ts';
import { memorySources } from '../src/runtime/memory-sources.ts';

describe('createMemory, for users of the library', () => {
  test.each([
    [undefined, 'optimized', 'Using OptimizedEmbeddedVectorStore with indexing and caching'],
    ['legacy', 'legacy', 'Using standard EmbeddedVectorStore'],
  ] as const)('%s gives the %s memory, which remembers, and logs the documented line', (implementation, active, line) =>
    withTemporaryFolder(async (folder) => {
      const log: string[] = [];
      const { memory, resolution } = await createMemory({
        folder: join(folder, 'memory'),
        implementation,
        log: (message) => log.push(message),
      });
      try {
        await memory.add({ text: 'Ada prefers tea' });
        const { hits } = await memory.search({ query: 'tea' });
        expect(hits.map(({ row }) => row.text)).toEqual(['Ada prefers tea']);
        expect(memory.implementation).toBe(active);
        expect(resolution).toEqual({ contract: 'memory', requested: active, active });
        expect(log).toContain(line);
      } finally {
        await memory.close();
      }
    }),
  );

  test('falls back with the reason when the optimized one cannot work here, and finds what it remembered', () =>
    withTemporaryFolder(async (folder) => {
      const options = { folder: join(folder, 'memory') };
      const before = await createMemory(options);
      await before.memory.add({ text: 'Ada prefers tea' });
      await before.memory.close();
      const handshake = {
        contract: 'memory',
        contractVersion: 1,
        implementation: 'optimized',
        package: 'x',
        version: '1',
      };
      const create = () => Promise.reject(new UnsupportedError({ message: 'No room for an index' }));
      const { memory, resolution } = await createMemory({
        ...options,
        sources: {
          ...memorySources,
          optimized: { ...memorySources.optimized, load: () => Promise.resolve({ handshake, create }) },
        },
      });
      expect(resolution).toMatchObject({ requested: 'optimized', active: 'legacy', reason: 'No room for an index' });
      expect((await memory.search({ query: 'tea' })).hits).toHaveLength(1);
      await memory.close();
    }));
});
