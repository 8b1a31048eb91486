import { evaluationChunkTokens, tokenizeInput } from '@gemma-cli/model-process';
import type { ModelProcess, ResolvedRequest } from '@gemma-cli/model-process';
import type { Prompt } from '@gemma-cli/contracts';

/**
 * How many leading tokens of a prompt will come again, in whole chunks of the fixed schedule when the text must be
 * reproducible: those of the messages or characters that the
 * request names, or of the system message of a conversation. 0 when there is nothing of the kind.
 *
 * Templates render a conversation as a whole, so what its first messages make is found by rendering them with another
 * message behind and looking where the two part.
 */
export async function stablePrefixTokens(
  process: ModelProcess,
  { prompt, stablePrefix, reproducible }: Pick<ResolvedRequest, 'prompt' | 'stablePrefix' | 'reproducible'>,
  promptTokens: readonly number[],
  signal: AbortSignal,
): Promise<number> {
  const beginning = stableBeginning(prompt, stablePrefix);
  if (beginning === undefined) return 0;
  const rendered = await process
    .call('tokenize', { input: tokenizeInput(beginning) }, { signal })
    .catch((error: unknown) => {
      if (signal.aborted || process.ended) throw error;
      // A template may refuse the made-up message; the prompt itself is sound.
    });
  if (rendered === undefined) return 0;
  const { tokens } = rendered;
  let common = 0;
  while (common < promptTokens.length - 1 && tokens[common] === promptTokens[common]) common += 1;
  return reproducible ? common - (common % evaluationChunkTokens) : common;
}

function stableBeginning(
  prompt: Prompt,
  stable: NonNullable<ResolvedRequest['stablePrefix']> | null,
): Prompt | undefined {
  if (prompt.type === 'completion') {
    if (stable === null || !('characters' in stable) || stable.characters < 1) return undefined;
    return { type: 'completion', text: prompt.text.slice(0, stable.characters) };
  }
  const { messages } = prompt;
  const { messages: count, characters } =
    stable !== null && 'messages' in stable
      ? stable
      : { messages: messages[0]?.role === 'system' ? 1 : 0, characters: 0 };
  if (count + characters < 1 || count >= messages.length) return undefined;
  const kept = messages.slice(0, count);
  // A template may insist on alternating roles: what comes next is said by whoever says it in the prompt.
  const next = messages[count];
  return next === undefined
    ? undefined
    : {
        type: 'chat',
        messages: [...kept, { ...next, content: `${next.content.slice(0, characters)}\u2026` }],
      };
}
