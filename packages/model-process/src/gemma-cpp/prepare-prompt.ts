import { GemmaError } from '@gemma-cli/contracts';
import type { Prompt, PromptTrimmed } from '@gemma-cli/contracts';
import { trimmedTokensMax } from '../fit-prompt.ts';
import type { ProcessSettings } from './process-arguments.ts';
import { chatTurns, estimateTokens, renderTurns } from './render-prompt.ts';
import type { ChatTurn } from './render-prompt.ts';
import type { SbsConfig } from './sbs-config.ts';

/** A prompt in the form in which gemma.cpp takes it. */
export interface PreparedPrompt {
  readonly form: ProcessSettings['form'];
  /** The whole prompt as one. */
  readonly text: string;
  /** Of a conversation: its turns, the last one to be answered. */
  readonly turns: readonly ChatTurn[];
  /** Tokens of the whole prompt, estimated. */
  readonly tokens: number;
}

/** Tokens that gemma.cpp puts around a prompt: beginning, two turn markers, two role names, newlines. */
export const templateTokens = 10;

/**
 * Puts a prompt into the form that reaches the model unchanged: a conversation as lines with an end line behind them, a
 * text to continue as one line, or in a file where a line would change it (it holds a newline) or be taken for a command.
 *
 * @throws GemmaError `OPTION_UNSUPPORTED`, `REQUEST_INVALID`.
 */
export function preparePrompt(prompt: Prompt, { wrapping }: Pick<SbsConfig, 'wrapping'>): PreparedPrompt {
  if (prompt.type === 'chat') {
    const turns = chatTurns(prompt.messages);
    const text = renderTurns(turns);
    return { form: 'block', text, turns, tokens: estimateTokens(text) + templateTokens };
  }
  if (wrapping !== 'base') {
    throw new GemmaError({
      code: 'OPTION_UNSUPPORTED',
      message:
        'gemma.cpp puts the chat template of instruct weights around every prompt, so it cannot continue a text with them. Send a conversation, or use base weights or a .gguf model.',
      facts: { wrapping },
    });
  }
  const { text } = prompt;
  if (text === '') {
    throw new GemmaError({
      code: 'OPTION_UNSUPPORTED',
      message: 'gemma.cpp cannot continue an empty text. Give it a beginning, or use a .gguf model.',
    });
  }
  const form = text.includes('\n') || text.startsWith('%') ? 'file' : 'line';
  return { form, text, turns: [], tokens: estimateTokens(text) + 1 };
}

/**
 * Leaves out the beginning of a prompt that gemma.cpp refused: the oldest turns behind the system message, or the first
 * characters of a text. How much is judged by the estimate, set right by the count that the refusal told; the caller asks
 * again when it was not enough.
 *
 * @param refused - The prompt as it was refused, and its true count.
 * @returns nothing when there is nothing left to leave out.
 */
export function trimPrompt(
  refused: Prompt,
  promptTokens: number,
  contextTokens: number,
): { readonly prompt: Prompt; readonly messagesDropped: number; readonly tokensAfter: number } | undefined {
  const room = trimmedTokensMax(contextTokens);
  if (refused.type === 'completion') {
    const { text } = refused;
    const kept = Math.floor(text.length * Math.min(0.9, room / promptTokens));
    if (kept < 1) return undefined;
    // Never inside a surrogate pair.
    const start = text.length - kept;
    const cut = isLowSurrogate(text, start) ? start + 1 : start;
    return {
      prompt: { type: 'completion', text: text.slice(cut) },
      messagesDropped: 0,
      tokensAfter: Math.min(contextTokens - 1, Math.round((promptTokens * (text.length - cut)) / text.length)),
    };
  }
  const system = refused.messages.slice(0, refused.messages[0]?.role === 'system' ? 1 : 0);
  const rest = refused.messages.slice(system.length);
  const scale = promptTokens / (estimateTokens(renderTurns(chatTurns(refused.messages))) + templateTokens);
  // The result of a tool is said in the user's place, but it answers a call that would be gone.
  const starts = rest.flatMap(({ toolCallId }, index) =>
    index > 0 && index % 2 === 0 && toolCallId === undefined ? [index] : [],
  );
  for (const dropped of starts) {
    const messages = [...system, ...rest.slice(dropped)];
    const tokens = Math.round(scale * (estimateTokens(renderTurns(chatTurns(messages))) + templateTokens));
    if (tokens > room && dropped !== starts.at(-1)) continue;
    return {
      prompt: { type: 'chat', messages },
      messagesDropped: dropped,
      tokensAfter: Math.min(tokens, contextTokens - 1),
    };
  }
  return undefined;
}

/** What of trimming is told, over all attempts. */
export function trimEvent(
  promptTokensBefore: number,
  promptTokensAfter: number,
  messagesDropped: number,
): PromptTrimmed {
  return { type: 'prompt-trimmed', promptTokensBefore, promptTokensAfter, messagesDropped };
}

function isLowSurrogate(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0xdc00 && code <= 0xdfff;
}
