import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kernelSource } from '../src/kernel-code.ts';

describe('the kernel', () => {
  it('is made of its present source', () => {
    const source = readFileSync(new URL('../kernel/search-kernel.as', import.meta.url));
    expect(kernelSource, 'Run node packages/rag-optimized/scripts/build-kernel.mjs.').toBe(
      createHash('sha256').update(source).digest('hex'),
    );
  });
});
