import { requestDefaults, requestRanges } from '@gemma-cli/contracts';
import { expect, it } from 'vitest';
import { resolveRequest } from '../src/resolve-request.ts';

it('every number of a request is taken up to its bounds, refused just beyond, and has its default', () => {
  const resolve = (name: string, value: number | undefined) => {
    const options = { [name]: value };
    const request = { model: { path: '/model.gguf' }, prompt: { type: 'completion', text: 'x' } } as const;
    const isOfSampling = name !== 'maxTokens' && name !== 'contextTokens';
    const { sampling, maxTokens, contextTokens } = resolveRequest(
      { ...request, ...(isOfSampling ? { sampling: options } : options) },
      {},
    );
    return { ...sampling, maxTokens, contextTokens }[name as keyof typeof requestRanges];
  };
  for (const [name, { min, max, integer, default: fallback }] of Object.entries(requestRanges)) {
    const step = integer ? 1 : 0.001;
    for (const value of [min, max]) expect(resolve(name, value)).toBe(value);
    for (const value of [min - step, max + step, ...(integer ? [min + 0.5] : []), Number.NaN])
      expect(() => resolve(name, value), `${name} ${value}`).toThrow(
        expect.objectContaining({ code: 'REQUEST_INVALID', facts: expect.objectContaining({ option: name }) }),
      );
    if (fallback !== null) expect(resolve(name, undefined)).toBe(fallback);
  }
  expect(resolve('contextTokens', undefined)).toBe(requestDefaults.contextTokens);
});
