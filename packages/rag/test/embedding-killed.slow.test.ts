import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Embedder } from '@gemma-cli/contracts';
import { withTemporaryFolder } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

const rows = 200;
const batch = 32;

// Side by side: each waits for the lease of the killed one to run out.
it.concurrent.each([1, 3, 5])(
  'a process that is killed at batch %i of its vectors leaves those before it, and the next goes on',
  (at) =>
    withTemporaryFolder(async (folder) => {
      const store = await create({ folder });
      await store.addMany(
        Array.from({ length: rows }, (_, index) => ({ text: 'x'.repeat(index + 1), tier: 'semantic' as const })),
      );
      await store.close();

      const program = fileURLToPath(new URL('embedding-child.mjs', import.meta.url));
      const child = spawn(process.execPath, [program, folder, String(at)], { stdio: ['ignore', 'pipe', 'inherit'] });
      let batches = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        expect(line).toBe(String(batch));
        if (++batches === at) break;
      }
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');

      const asked: string[] = [];
      const close = () => Promise.resolve();
      const embedder: Embedder = {
        embedId: 'child',
        dimensions: 2,
        embed(texts, options) {
          if (options?.kind !== 'query') asked.push(...texts);
          return Promise.resolve(texts.map(({ length }) => Float32Array.of(Math.cos(length), Math.sin(length))));
        },
        close,
        [Symbol.asyncDispose]: close,
      };
      const next = await create({ folder, embedder, embedInBackground: false });
      try {
        const kept = (await next.stats()).index.vectors;
        expect(kept).toBeGreaterThanOrEqual((at - 1) * batch);
        expect(kept).toBeLessThan(rows);
        await next.flush();
        expect(asked).toHaveLength(rows - kept);
        expect(new Set(asked).size).toBe(asked.length);
        const { hits } = await next.search({ query: 'x'.repeat(7), mode: 'dense', limit: rows });
        expect(hits).toHaveLength(rows);
        expect(hits[0]?.score).toBeCloseTo(1, 6);
        expect(await next.verify()).toEqual([]);
      } finally {
        await next.close();
      }
    }),
);
