import { GemmaError, type ChatMessage, type OutputFormat, type Prompt } from '@gemma-cli/contracts';
import type { PromptParts, SessionMessage } from './client.ts';
import { fillPromptTemplate, type PromptTemplate } from './prompt-template.ts';
import { sendable } from './sendable.ts';

/** What an answer is asked for: the past, the instruction before it, and the new text. */
export interface PromptContent {
  readonly system: string | undefined;
  /** Complete turns, oldest first: every user message is followed by its answer. */
  readonly past: readonly SessionMessage[];
  readonly text: string;
  /** What stands before the text: passages. Default: nothing. */
  readonly context?: string | undefined;
}

/**
 * Makes the prompt: for a model with a chat template the conversation, otherwise the running document, in which nobody
 * has a role: system text, blank line, then each text, the answer that continued it, and a newline. A question behind
 * passages is written there as question and answer. Both only grow at their end from turn to turn, so that the engine can
 * keep the state of everything that came before.
 */
export function assemblePrompt(
  mode: 'chat' | 'completion',
  { system, past, text, context = '' }: PromptContent,
): Prompt {
  if (mode === 'chat') {
    const before: ChatMessage[] = system === undefined ? [] : [{ role: 'system', content: system }];
    const turns = past.map((message): ChatMessage => ({
      role: message.role,
      content: sendable((message.context ?? '') + message.content),
    }));
    return { type: 'chat', messages: [...before, ...turns, { role: 'user', content: context + text }] };
  }
  const head = system === undefined ? '' : `${system}\n\n`;
  const document = past
    .map(({ role, content, context: before = '' }) =>
      role === 'assistant' ? `${sendable(content)}\n` : sendable(continued(before, content)),
    )
    .join('');
  return { type: 'completion', text: head + document + continued(context, text) };
}

/** What ends an answer to a prompt besides the caller's stop strings: the next question that a base model thinks up. */
export function stopStringsOf(prompt: Prompt): readonly string[] {
  return prompt.type === 'completion' && prompt.text.endsWith(answerMark) ? [questionMark, answerMark] : [];
}

const questionMark = '\nQuestion:';
const answerMark = '\nAnswer:';

/**
 * A text to continue with what stands before it. Given passages and a question, a base model goes on with passages; given
 * the form that questions and answers have in the texts it knows, it answers.
 */
function continued(context: string, text: string): string {
  const isQuestion = context !== '' && /[?？؟]["'”’»)\]]*\s*$/u.test(text);
  return isQuestion ? `${context.trimEnd()}\n${questionMark} ${text.trim()}${answerMark}` : context + text;
}

/**
 * Joins the parts of a question: what was piped in, files, then the typed text, a blank line between two. A template
 * stands around what they make, or for it.
 *
 * @throws GemmaError `REQUEST_INVALID` when nothing is left, or a place of the template has no value.
 */
export function joinPromptParts(prompt: string | PromptParts, template?: PromptTemplate): string {
  const parts =
    typeof prompt === 'string'
      ? [prompt]
      : [prompt.input, ...(prompt.files ?? []), prompt.text].map((part) => part ?? '');
  const present = parts.filter((part) => part.trim() !== '');
  const joined = present.length === 0 ? undefined : joinPresent(present);
  if (template !== undefined) return fillPromptTemplate(template, joined);
  if (joined !== undefined) return joined;
  throw new GemmaError({
    code: 'REQUEST_INVALID',
    message: 'The prompt is empty. Give a text, a file or something on standard input.',
  });
}

/** One part stays exactly as it is: a base model continues its last character, be it a space. */
function joinPresent(present: readonly string[]): string {
  return present.map((part, index) => (index < present.length - 1 ? part.trimEnd() : part)).join('\n\n');
}

/** The prompt with the schema of the answer behind the system text, in front of a text to continue. */
export function describeFormat(prompt: Prompt, format: OutputFormat | undefined): Prompt {
  if (format === undefined || format.type === 'gbnf') return prompt;
  const instruction =
    format.type === 'json'
      ? 'Answer with one JSON object and nothing else.'
      : `Answer with JSON and nothing else, by this JSON Schema:\n${JSON.stringify(format.schema)}`;
  if (prompt.type === 'completion') return { type: 'completion', text: `${instruction}\n\n${prompt.text}` };
  const [first, ...others] = prompt.messages;
  const system: ChatMessage =
    first?.role === 'system'
      ? { role: 'system', content: `${first.content}\n\n${instruction}` }
      : { role: 'system', content: instruction };
  return {
    type: 'chat',
    messages: [system, ...(first === undefined || first.role === 'system' ? [] : [first]), ...others],
  };
}
