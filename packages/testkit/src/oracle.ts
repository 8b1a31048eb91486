import type { Prompt } from '@gemma-cli/contracts';
import { scriptedAnswer } from './scripted-model.ts';

/** What the scripted model says to a prompt, computed without an engine. Greedy unless told otherwise. */
export function oracle(
  prompt: Prompt,
  maxTokens: number,
  sampling: { readonly temperature: number; readonly seed: number } = { temperature: 0, seed: 0 },
): ReturnType<typeof scriptedAnswer> {
  return scriptedAnswer(
    prompt.type === 'completion' ? { type: 'text', text: prompt.text } : prompt,
    sampling,
    maxTokens,
  );
}

/** One user message. */
export function chat(content: string): Prompt {
  return { type: 'chat', messages: [{ role: 'user', content }] };
}

/**
 * Text without the replacement character at its end: an engine may show or leave out a character that the token limit
 * cut.
 */
export function whole(text: string): string {
  return text.replace(/\uFFFD$/u, '');
}
