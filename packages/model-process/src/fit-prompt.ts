import { GemmaError } from '@gemma-cli/contracts';
import type { ChatMessage, Prompt, PromptTrimmed } from '@gemma-cli/contracts';
import type { LoadedModel, TokenizeInput } from '@gemma-cli/contracts/worker-protocol';

/** The tokens of a prompt that fits its context. */
export interface FittedPrompt {
  readonly tokens: readonly number[];
  /** Present when the prompt was trimmed. */
  readonly trimmed?: PromptTrimmed;
}

/** Most that a trimmed prompt leaves free for the answer. */
const answerTokensMax = 512;

/** Tokens that a trimmed prompt may have: the answer gets a quarter of the context, up to a limit. */
export function trimmedTokensMax(contextTokens: number): number {
  return contextTokens - Math.min(answerTokensMax, Math.ceil(contextTokens / 4));
}

/**
 * Tokenizes a prompt and makes sure that it leaves room for at least one token of the answer.
 *
 * @throws GemmaError `CONTEXT_EXCEEDED` with the counts, when it is too long and must not or cannot be trimmed.
 */
export async function fitPrompt(
  prompt: Prompt,
  { contextTokens }: Pick<LoadedModel, 'contextTokens'>,
  onOverflow: 'refuse' | 'trim',
  tokenize: (input: TokenizeInput) => Promise<readonly number[]>,
): Promise<FittedPrompt> {
  const tokens = await tokenize(tokenizeInput(prompt));
  if (tokens.length < contextTokens) return { tokens };
  if (onOverflow === 'refuse') throw exceeded(tokens.length, contextTokens);

  const room = trimmedTokensMax(contextTokens);
  const { kept, messagesDropped } =
    prompt.type === 'completion'
      ? { kept: keepEnd(tokens, room), messagesDropped: 0 }
      : await dropOldest(prompt.messages, room, contextTokens, tokenize);
  return {
    tokens: kept,
    trimmed: {
      type: 'prompt-trimmed',
      promptTokensBefore: tokens.length,
      promptTokensAfter: kept.length,
      messagesDropped,
    },
  };
}

/** What the model process tokenizes for a prompt. */
export function tokenizeInput(prompt: Prompt): TokenizeInput {
  if (prompt.type === 'completion') return { type: 'text', text: prompt.text };
  return { type: 'chat', messages: prompt.messages.map(({ role, content }) => ({ role, content })) };
}

/** The first token, which marks the beginning for most models, and the end of the text. */
function keepEnd(tokens: readonly number[], room: number): readonly number[] {
  return [...tokens.slice(0, 1), ...tokens.slice(tokens.length - room + 1)];
}

/** Leaves out messages after the system message, oldest first; the conversation goes on with a user's message. */
async function dropOldest(
  messages: readonly ChatMessage[],
  room: number,
  contextTokens: number,
  tokenize: (input: TokenizeInput) => Promise<readonly number[]>,
): Promise<{ readonly kept: readonly number[]; readonly messagesDropped: number }> {
  const system = messages.filter(({ role }, index) => index === 0 && role === 'system');
  const rest = messages.slice(system.length);
  // The result of a tool is said in the user's place, but it answers a call that would be gone.
  const starts = rest.flatMap(({ role, toolCallId }, index) =>
    index > 0 && role === 'user' && toolCallId === undefined ? [index] : [],
  );
  let shortest = Number.POSITIVE_INFINITY;
  // Fewer messages never make more tokens, so the first start that fits is found by halving.
  let low = 0;
  let high = starts.length - 1;
  let best: { readonly kept: readonly number[]; readonly messagesDropped: number } | undefined;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const dropped = starts[middle] ?? 0;
    const tokens = await tokenize(tokenizeInput({ type: 'chat', messages: [...system, ...rest.slice(dropped)] }));
    shortest = Math.min(shortest, tokens.length);
    if (tokens.length <= room) {
      best = { kept: tokens, messagesDropped: dropped };
      high = middle - 1;
    } else {
      low = middle + 1;
    }
  }
  if (best === undefined) {
    const promptTokens = Number.isFinite(shortest)
      ? shortest
      : (await tokenize(tokenizeInput({ type: 'chat', messages }))).length;
    throw exceeded(promptTokens, contextTokens);
  }
  return best;
}

function exceeded(promptTokens: number, contextTokens: number): GemmaError {
  return new GemmaError({
    code: 'CONTEXT_EXCEEDED',
    message: `Expected a prompt of at most ${contextTokens - 1} tokens, got ${promptTokens}. Shorten it, or raise engine.context_tokens.`,
    facts: { promptTokens, contextTokens },
  });
}
