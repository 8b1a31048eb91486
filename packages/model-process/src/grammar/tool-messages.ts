import { GemmaError } from '@gemma-cli/contracts';
import type { ChatMessage, ToolCall } from '@gemma-cli/contracts';
import { callHead, callSeparator, callTail, noParameters } from './tool-call-grammar.ts';
import type { ToolOptions } from './tool-call-grammar.ts';

/** A conversation in roles that every chat template knows. */
export interface RenderedConversation {
  /** A message that holds results carries the `toolCallId` of the first: a conversation cannot begin with it. */
  readonly messages: readonly ChatMessage[];
  /** Behind each message that was given, how far it reaches in `messages`; the first entry is that of none. */
  readonly ends: readonly RenderedEnd[];
}

/** A place in a rendered conversation. */
export interface RenderedEnd {
  /** Whole messages before it. */
  readonly messages: number;
  /** Characters of the message behind these. */
  readonly characters: number;
}

/**
 * The conversation in the three roles that every chat template knows: the tools are told in the system message, an
 * assistant's calls become the text that the model had written, and results a message of the user. Consecutive results,
 * and the user's words behind them, are one message, because Gemma's template wants the roles in turns.
 *
 * Without tools, or with choice 'none', earlier calls and results are still shown, but nothing is offered.
 *
 * @throws GemmaError `REQUEST_INVALID` for a result whose call is not in the conversation.
 */
export function renderToolMessages(messages: readonly ChatMessage[], options: ToolOptions): RenderedConversation {
  const rendered: ChatMessage[] = [];
  const ends: RenderedEnd[] = [];
  const names = new Map<string, string>();
  const offer = options.toolChoice === 'none' || options.tools.length === 0 ? '' : renderToolsForPrompt(options);
  if (offer !== '' && messages[0]?.role !== 'system') rendered.push({ role: 'system', content: offer });
  ends.push({ messages: rendered.length, characters: 0 });
  let isBehindResult = false;
  for (const [index, message] of messages.entries()) {
    const { role, content, toolCalls = [] } = message;
    const previous = rendered.at(-1);
    if (role === 'tool') {
      const result = renderToolResult({ name: nameOfCall(message, index, names), content });
      if (isBehindResult && previous !== undefined) {
        extend(previous, `\n${result}`);
      } else rendered.push({ role: 'user', content: result, ...answering(message) });
      isBehindResult = true;
      noteEnd();
      continue;
    }
    if (role === 'user' && isBehindResult && previous !== undefined) {
      extend(previous, `\n\n${content}`);
    } else if (role === 'assistant' && toolCalls.length > 0) {
      for (const { id, name } of toolCalls) names.set(id, name);
      // What was said beside a call comes first: a template has no place for both.
      const calls = renderToolCalls(toolCalls);
      rendered.push({ role, content: content === '' ? calls : `${content}\n\n${calls}` });
    } else if (role === 'system' && index === 0 && offer !== '') {
      rendered.push({ role, content: content === '' ? offer : `${content}\n\n${offer}` });
    } else rendered.push({ role, content });
    isBehindResult = false;
    noteEnd();
  }
  return { messages: rendered, ends };

  /** Puts more into the last message. What came before ends within it. */
  function extend(last: ChatMessage, more: string): void {
    rendered[rendered.length - 1] = { ...last, content: `${last.content}${more}` };
    const before = ends.at(-1);
    if (before?.messages !== rendered.length) return;
    ends[ends.length - 1] = { messages: rendered.length - 1, characters: last.content.length };
  }

  function noteEnd(): void {
    ends.push({ messages: rendered.length, characters: 0 });
  }
}

function answering({ toolCallId }: ChatMessage): Pick<ChatMessage, 'toolCallId'> {
  return toolCallId === undefined ? {} : { toolCallId };
}

/** What tells a model without a tool template of its own which functions there are and how to call one. */
export function renderToolsForPrompt({ tools, toolChoice = 'auto', parallel = false }: ToolOptions): string {
  const offered = typeof toolChoice === 'object' ? tools.filter(({ name }) => name === toolChoice.name) : tools;
  const lines = offered.map(({ name, description, parameters = noParameters }) =>
    JSON.stringify({ name, ...(description !== undefined && { description }), parameters }),
  );
  const form = `${callHead('NAME')}{…}${callTail}`;
  const several = parallel ? ` To call several functions at once, answer with a JSON array of such objects.` : '';
  const when =
    toolChoice === 'auto'
      ? `Call a function only when it helps to answer. Otherwise answer in plain text, which must not begin with a brace.`
      : 'Your next answer must be a call.';
  return [
    'You can call these functions, each given with the JSON Schema of its arguments:',
    ...lines,
    '',
    `To call a function, answer with nothing but a JSON object of this form, without a code block:\n${form}`,
    `${when}${several} The result of a call comes as the next message.`,
  ].join('\n');
}

/** A call as the model writes it. */
export function renderToolCalls(calls: readonly ToolCall[]): string {
  const texts = calls.map(({ name, arguments: text }) => `${callHead(name)}${text}${callTail}`);
  return texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(callSeparator)}]`;
}

/**
 * The result of a call as the model is told it: as one JSON object, so that nothing in a result can pass for something else
 * than a result.
 */
export function renderToolResult({ name, content }: { readonly name: string; readonly content: string }): string {
  return `{"name": ${JSON.stringify(name)}, "result": ${isJson(content) ? content.trim() : JSON.stringify(content)}}`;
}

function nameOfCall({ toolCallId }: ChatMessage, index: number, names: ReadonlyMap<string, string>): string {
  const name = toolCallId === undefined ? undefined : names.get(toolCallId);
  if (name !== undefined) return name;
  throw new GemmaError({
    code: 'REQUEST_INVALID',
    message: `Expected message ${index} of role tool to have the toolCallId of an earlier call${names.size > 0 ? ` (${[...names.keys()].join(', ')})` : ''}, got ${JSON.stringify(toolCallId) ?? 'none'}. Put the assistant's message with its toolCalls before it.`,
    facts: { option: 'prompt.messages', index, toolCallId: toolCallId ?? null },
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
