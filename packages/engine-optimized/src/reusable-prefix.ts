import { evaluationChunkTokens } from '@gemma-cli/model-process';
import type { TokenLedger } from '@gemma-cli/model-process';

/**
 * How many leading tokens of a prompt can be taken from what a sequence holds: the common prefix. A reproducible request
 * takes only whole chunks that were evaluated on the fixed schedule, because another batch shape rounds differently and
 * can flip a near-tie.
 */
export function reusablePrefixTokens(
  { tokens, alignedTokens }: Pick<TokenLedger, 'tokens' | 'alignedTokens'>,
  promptTokens: readonly number[],
  reproducible: boolean,
): number {
  // One token of the prompt is always left: without it there is nothing to sample from.
  const most = Math.min(tokens.length, promptTokens.length - 1);
  let common = 0;
  while (common < most && tokens[common] === promptTokens[common]) common += 1;
  if (!reproducible) return common;
  return Math.floor(Math.min(common, alignedTokens) / evaluationChunkTokens) * evaluationChunkTokens;
}
