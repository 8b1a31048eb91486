import { requestDefaults } from '@gemma-cli/contracts';
import type { InstalledModel } from '@gemma-cli/models';

/** Node, the library and its buffers for computing. */
const processBytes = 250_000_000;
/** Bytes of attention state for each weight at the default context: near 1 GB for 4 billion weights. */
const stateBytesPerWeight = 0.25;

/** About how much memory a model needs to answer: its file, its attention state for a context, and the process around it. */
export function estimateMemoryBytes(
  {
    sizeBytes,
    parameters,
    trainContextTokens,
  }: Pick<InstalledModel, 'sizeBytes' | 'parameters' | 'trainContextTokens'>,
  contextTokens: number | 'auto',
): number {
  const wanted = contextTokens === 'auto' ? requestDefaults.contextTokens : contextTokens;
  const tokens = Math.min(wanted, trainContextTokens ?? wanted);
  // A file that does not tell has about two weights in each byte and a half.
  const weights = parameters ?? sizeBytes * 1.5;
  return Math.round(
    sizeBytes + weights * stateBytesPerWeight * (tokens / requestDefaults.contextTokens) + processBytes,
  );
}
