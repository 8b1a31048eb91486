import { randomUUID } from 'node:crypto';
import type { ToolCall } from '@gemma-cli/contracts';
import { callHead } from './tool-call-grammar.ts';
import type { ToolOptions } from './tool-call-grammar.ts';

/** What an answer turns out to consist of. */
export type AnswerPart =
  | { readonly type: 'text-delta'; readonly text: string }
  /** A call begins: its name is known, its arguments follow. */
  | { readonly type: 'tool-call-start'; readonly index: number; readonly id: string; readonly name: string }
  /** More of the arguments, as JSON text. */
  | { readonly type: 'tool-call-delta'; readonly index: number; readonly id: string; readonly arguments: string }
  /** A call is complete. */
  | ({ readonly type: 'tool-call'; readonly index: number } & ToolCall)
  /** The answer ended within a call. */
  | ({ readonly type: 'tool-call-cut'; readonly index: number } & ToolCall);

/** Tells calls from text while an answer comes in. */
export interface ToolCallReader {
  /** What the next piece of the answer gives. Nothing is held back longer than it takes to tell a call from text. */
  push(text: string): readonly AnswerPart[];
  /** The end of the answer: what was held back, or the call that was cut. */
  end(): readonly AnswerPart[];
  /** `null` until it can be told. After 'text', nothing but text comes, and no grammar is needed any more. */
  readonly kind: 'text' | 'calls' | null;
}

/** What {@link createToolCallReader} takes beside the options of the grammar. */
export interface ToolCallReaderOptions extends ToolOptions {
  /** Makes the id of a call. Default: `call_` and 24 random hexadecimal digits. */
  readonly createId?: () => string;
}

/**
 * Reads an answer that the grammar of `toolCallGrammar` held to its form. An answer that is none of that form, from a
 * runtime without grammars, is text from the place on where it leaves it.
 */
export function createToolCallReader({
  tools,
  parallel = false,
  createId = () => `call_${randomUUID().replaceAll('-', '').slice(0, 24)}`,
}: ToolCallReaderOptions): ToolCallReader {
  const heads = tools.map(({ name }) => ({ name, head: callHead(name) }));
  let kind: 'text' | 'calls' | null = null;
  let state: 'start' | 'head' | 'arguments' | 'tail' | 'between' | 'done' | 'text' = 'start';
  let held = '';
  let isArray = false;
  let index = 0;
  let call: { readonly id: string; readonly name: string; text: string } | null = null;
  let nesting = { depth: 0, isString: false, isEscaped: false };

  /** Reads on from `held` as far as it goes. Each step takes something off it or waits for more. */
  function read(): AnswerPart[] {
    const parts: AnswerPart[] = [];
    while (held !== '') {
      const before = `${state} ${held.length}`;
      step(parts);
      if (`${state} ${held.length}` === before) break;
    }
    return parts;
  }

  function step(parts: AnswerPart[]): void {
    switch (state) {
      case 'start':
        if (parallel && held.startsWith('[')) {
          if (held.length === 1) return;
          isArray = heads.some(({ head }) => isStartOf(held.slice(1), head));
          if (isArray) held = held.slice(1);
        }
        state = 'head';
        return;
      case 'head': {
        const found = heads.find(({ head }) => held.startsWith(`${head}{`));
        if (found !== undefined) begin(found.name, parts);
        else if (!heads.some(({ head }) => isStartOf(held, `${head}{`))) giveText(parts);
        return;
      }
      case 'arguments':
        takeArguments(parts);
        return;
      case 'tail':
        if (held.startsWith('}')) {
          held = held.slice(1);
          state = isArray ? 'between' : 'done';
          parts.push({ type: 'tool-call', index: index++, ...finished() });
        } else giveText(parts);
        return;
      case 'between':
        if (held.startsWith(']')) {
          held = held.slice(1);
          state = 'done';
        } else if (held.startsWith(', ')) {
          held = held.slice(2);
          state = 'head';
        } else if (held !== ',') giveText(parts);
        return;
      case 'done':
      case 'text':
        parts.push({ type: 'text-delta', text: held });
        held = '';
    }
  }

  function begin(name: string, parts: AnswerPart[]): void {
    kind = 'calls';
    call = { id: createId(), name, text: '' };
    held = held.slice(callHead(name).length);
    state = 'arguments';
    nesting = { depth: 0, isString: false, isEscaped: false };
    parts.push({ type: 'tool-call-start', index, id: call.id, name });
  }

  /** Takes the arguments up to the brace that closes them. */
  function takeArguments(parts: AnswerPart[]): void {
    let end = 0;
    while (end < held.length && state === 'arguments') {
      const character = held[end++];
      if (nesting.isEscaped) nesting.isEscaped = false;
      else if (nesting.isString) {
        if (character === '\\') nesting.isEscaped = true;
        else if (character === '"') nesting.isString = false;
      } else if (character === '"') nesting.isString = true;
      else if (character === '{' || character === '[') nesting.depth++;
      else if ((character === '}' || character === ']') && --nesting.depth === 0) state = 'tail';
    }
    const text = held.slice(0, end);
    held = held.slice(end);
    if (call === null) return;
    call.text += text;
    parts.push({ type: 'tool-call-delta', index, id: call.id, arguments: text });
  }

  function finished(): ToolCall {
    const { id = '', name = '', text = '' } = call ?? {};
    call = null;
    return { id, name, arguments: text };
  }

  function giveText(parts: AnswerPart[]): void {
    kind ??= 'text';
    // A bracket that was taken for the beginning of several calls belongs to the text.
    const lost = isArray && index === 0 && call === null ? '[' : '';
    if (call !== null) parts.push({ type: 'tool-call-cut', index: index++, ...finished() });
    parts.push({ type: 'text-delta', text: `${lost}${held}` });
    held = '';
    state = 'text';
  }

  return {
    push: (text) => {
      held += text;
      return read();
    },
    end: () => {
      const parts: AnswerPart[] = [];
      if (call !== null) parts.push({ type: 'tool-call-cut', index: index++, ...finished() });
      // The beginning of one more call that was cut says nothing; the calls before it are whole.
      else if (held !== '' && kind !== 'calls') giveText(parts);
      held = '';
      state = 'text';
      return parts;
    },
    get kind() {
      return kind;
    },
  };
}

/** Whether one of the two begins with the other. */
function isStartOf(text: string, whole: string): boolean {
  return text.length <= whole.length ? whole.startsWith(text) : text.startsWith(whole);
}
