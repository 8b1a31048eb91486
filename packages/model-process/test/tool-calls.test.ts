import type { ChatMessage } from '@gemma-cli/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGbnfMatcher } from '@gemma-cli/testkit';
import { parallelCallsMax, toolCallGrammar } from '../src/grammar/tool-call-grammar.ts';
import { createToolCallReader } from '../src/grammar/tool-call-reader.ts';
import type { AnswerPart } from '../src/grammar/tool-call-reader.ts';
import {
  renderToolCalls,
  renderToolMessages,
  renderToolResult,
  renderToolsForPrompt,
} from '../src/grammar/tool-messages.ts';
import { seededRandom } from './random-schema.ts';

const weather = {
  name: 'get_weather',
  description: 'The weather of a city.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1, maximum: 7 } },
    required: ['city'],
    additionalProperties: false,
  },
};
const time = { name: 'get' };
const tools = [weather, time];

const weatherCall = '{"name": "get_weather", "arguments": {"city":"Ulm","days":3}}';
const timeCall = '{"name": "get", "arguments": {}}';

/** The parts of an answer that comes in these pieces, ids counted. */
function read(pieces: readonly string[], { parallel = false } = {}): AnswerPart[] {
  let count = 0;
  const reader = createToolCallReader({ tools, parallel, createId: () => `call_${count++}` });
  return [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
}

/** The calls and the text of parts, deltas joined. */
function summary(parts: readonly AnswerPart[]): { text: string; calls: unknown[]; deltas: Record<string, string> } {
  const deltas: Record<string, string> = {};
  for (const part of parts) {
    if (part.type === 'tool-call-delta') deltas[part.id] = (deltas[part.id] ?? '') + part.arguments;
  }
  return {
    text: parts.map((part) => (part.type === 'text-delta' ? part.text : '')).join(''),
    calls: parts.filter(({ type }) => type === 'tool-call'),
    deltas,
  };
}

describe('toolCallGrammar', () => {
  it('lets a call with arguments of the schema through, or text that begins otherwise', () => {
    const { matches } = createGbnfMatcher(toolCallGrammar({ tools }) ?? '');
    for (const answer of [
      weatherCall,
      timeCall,
      'It is warm.',
      '',
      '`x` is a variable',
      '```js\n{}',
      '```',
      '[1] says {so}',
    ]) {
      expect(matches(answer), answer).toBe(true);
    }
    for (const answer of [
      '{"name": "get_weather", "arguments": {"days":3}}',
      '{"name": "get_weather", "arguments": {"city":"Ulm","days":8}}',
      '{"name": "other", "arguments": {}}',
      '{"name": "get", "arguments": {"x":1}}',
      `${timeCall} and more`,
      '{"city": "Ulm"}',
      ' {"name"',
      '```json\n{"name": "get", "arguments": {}}\n```',
      '```tool_code\nget()',
    ]) {
      expect(matches(answer), answer).toBe(false);
    }
  });

  it('lets nothing but a call through when one is required, and only the chosen tool when one is chosen', () => {
    const required = createGbnfMatcher(toolCallGrammar({ tools, toolChoice: 'required' }) ?? '');
    expect([weatherCall, timeCall, 'text', ''].map(required.matches)).toEqual([true, true, false, false]);
    const chosen = createGbnfMatcher(toolCallGrammar({ tools, toolChoice: { name: 'get' } }) ?? '');
    expect([weatherCall, timeCall, 'text'].map(chosen.matches)).toEqual([false, true, false]);
  });

  it('lets several calls through only when they may be parallel, and a bounded number of them', () => {
    const both = `[${weatherCall}, ${timeCall}]`;
    expect(createGbnfMatcher(toolCallGrammar({ tools, toolChoice: 'required' }) ?? '').matches(both)).toBe(false);
    const { matches } = createGbnfMatcher(toolCallGrammar({ tools, parallel: true }) ?? '');
    const many = (count: number): string => `[${Array(count).fill(timeCall).join(', ')}]`;
    expect([both, timeCall, many(1), many(parallelCallsMax), '[1] says so'].every(matches)).toBe(true);
    expect([many(parallelCallsMax + 1), '[{}]', '[{"x"'].some(matches)).toBe(false);
  });

  it('is null when tools are not to be called', () => {
    expect(toolCallGrammar({ tools, toolChoice: 'none' })).toBeNull();
    expect(toolCallGrammar({ tools: [] })).toBeNull();
  });

  it('refuses what cannot be called, and names the tool whose parameters it cannot hold to', () => {
    const refused = (options: Parameters<typeof toolCallGrammar>[0], expected: object): void =>
      expect(() => toolCallGrammar(options)).toThrowError(expect.objectContaining(expected) as Error);
    refused({ tools: [{ name: 'a b' }] }, { code: 'REQUEST_INVALID' });
    refused({ tools: [time, time] }, { code: 'REQUEST_INVALID' });
    refused({ tools, toolChoice: { name: 'none' } }, { code: 'REQUEST_INVALID' });
    refused({ tools: [], toolChoice: 'required' }, { code: 'REQUEST_INVALID' });
    refused({ tools: [{ name: 'x', parameters: { type: 'string' } }] }, { code: 'SCHEMA_UNSUPPORTED' });
    refused(
      { tools: [{ name: 'x', parameters: { properties: { a: { not: {} } } } }] },
      { code: 'SCHEMA_UNSUPPORTED', facts: expect.objectContaining({ tool: 'x', pointer: '/properties/a' }) as object },
    );
  });

  it('keeps the references of each tool within its own parameters', () => {
    const withDefinition = (value: number): object => ({
      type: 'object',
      properties: { v: { $ref: '#/$defs/v' } },
      required: ['v'],
      $defs: { v: { const: value } },
    });
    const { matches } = createGbnfMatcher(
      toolCallGrammar({
        tools: [
          { name: 'one', parameters: withDefinition(1) },
          { name: 'two', parameters: withDefinition(2) },
        ],
        toolChoice: 'required',
      }) ?? '',
    );
    expect(matches('{"name": "one", "arguments": {"v":1}}')).toBe(true);
    expect(matches('{"name": "two", "arguments": {"v":2}}')).toBe(true);
    expect(matches('{"name": "two", "arguments": {"v":1}}')).toBe(false);
  });
});

describe('createToolCallReader', () => {
  it('gives the same calls and text wherever the answer is cut into pieces', () => {
    const odd = '{"name": "get_weather", "arguments": {"city":"}\\"{[,]\\\\"}}';
    const answers = [
      weatherCall,
      odd,
      'Text {"name": "get", "arguments": {}}',
      '{"not": "a call"}',
      '```js',
      '[1] says',
      '{"name": "gets"',
      `[${weatherCall}, ${odd}, ${timeCall}]`,
      '[',
      '[{"x',
      '{',
      '',
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...answers),
        fc.array(fc.nat(120), { maxLength: 8 }),
        fc.boolean(),
        (answer, cuts, parallel) => {
          const edges = [
            0,
            ...cuts.map((cut) => Math.min(cut, answer.length)).toSorted((a, b) => a - b),
            answer.length,
          ];
          const pieces = edges.slice(1).map((edge, index) => answer.slice(edges[index], edge));
          expect(summary(read(pieces, { parallel }))).toEqual(summary(read([answer], { parallel })));
        },
      ),
    );
  });

  it('gives a call with its id, name, and arguments as they were written', () => {
    expect(read([weatherCall])).toEqual([
      { type: 'tool-call-start', index: 0, id: 'call_0', name: 'get_weather' },
      { type: 'tool-call-delta', index: 0, id: 'call_0', arguments: '{"city":"Ulm","days":3}' },
      { type: 'tool-call', index: 0, id: 'call_0', name: 'get_weather', arguments: '{"city":"Ulm","days":3}' },
    ]);
  });

  it('gives each of several calls an id and a place', () => {
    const { calls, text } = summary(read([`[${weatherCall}, ${timeCall}]`], { parallel: true }));
    expect(calls).toMatchObject([
      { index: 0, id: 'call_0', name: 'get_weather' },
      { index: 1, id: 'call_1', name: 'get', arguments: '{}' },
    ]);
    expect(text).toBe('');
  });

  it('lets text go with its first character, and a call as soon as its name is known', () => {
    const text = createToolCallReader({ tools });
    expect(text.push('I')).toEqual([{ type: 'text-delta', text: 'I' }]);
    expect(text.kind).toBe('text');
    const call = createToolCallReader({ tools });
    expect(call.push('{"name": "get_weather", "arguments": ')).toEqual([]);
    expect(call.kind).toBeNull();
    expect(call.push('{').map(({ type }) => type)).toEqual(['tool-call-start', 'tool-call-delta']);
    expect(call.kind).toBe('calls');
  });

  it('tells a call that was cut from one that is whole', () => {
    const parts = read(['{"name": "get_weather", "arguments": {"city":"U']);
    expect(parts.at(-1)).toEqual({
      type: 'tool-call-cut',
      index: 0,
      id: 'call_0',
      name: 'get_weather',
      arguments: '{"city":"U',
    });
    expect(summary(read([`[${timeCall}, {"na`], { parallel: true }))).toMatchObject({
      calls: [{ name: 'get' }],
      text: '',
    });
  });

  it('gives ids that begin with call_ and are never the same', () => {
    const ids = [1, 2].map(() => createToolCallReader({ tools }).push(timeCall)[0]);
    expect(ids).toEqual([
      expect.objectContaining({ id: expect.stringMatching(/^call_[0-9a-f]{24}$/) as string }),
      expect.objectContaining({ id: expect.stringMatching(/^call_[0-9a-f]{24}$/) as string }),
    ]);
    expect(JSON.stringify(ids[0])).not.toBe(JSON.stringify(ids[1]));
  });

  it('reads every answer that the grammar lets through', () => {
    const grammar = createGbnfMatcher(toolCallGrammar({ tools, parallel: true }) ?? '');
    const random = seededRandom(7);
    for (let count = 0; count < 200; count++) {
      const answer = grammar.write(random);
      const parts = read(Array.from(answer), { parallel: true });
      const { calls, text } = summary(parts);
      expect(
        parts.some(({ type }) => type === 'tool-call-cut'),
        answer,
      ).toBe(false);
      if (calls.length > 0) expect(text, answer).toBe('');
      else expect(text).toBe(answer);
      expect(answer.startsWith('{')).toBe(calls.length === 1 && !answer.startsWith('['));
      for (const call of calls) expect(JSON.parse((call as { arguments: string }).arguments)).toBeTypeOf('object');
    }
  });
});

describe('the conversation with tools', () => {
  const call = { id: 'call_1', name: 'get_weather', arguments: '{"city":"Ulm"}' };

  it('tells name, description, parameters and the form of a call', () => {
    const text = renderToolsForPrompt({ tools });
    expect(text).toContain(JSON.stringify(weather));
    expect(text).toContain('"name":"get"');
    expect(text).toContain('{"name": "NAME", "arguments": ');
    expect(renderToolsForPrompt({ tools, toolChoice: { name: 'get' } })).not.toContain('get_weather');
  });

  it('repeats calls byte for byte as the grammar lets them be written', () => {
    const { matches } = createGbnfMatcher(toolCallGrammar({ tools, toolChoice: 'required', parallel: true }) ?? '');
    expect(renderToolCalls([call])).toBe('{"name": "get_weather", "arguments": {"city":"Ulm"}}');
    expect(matches(renderToolCalls([call]))).toBe(true);
    expect(matches(renderToolCalls([call, { id: 'call_2', name: 'get', arguments: '{}' }]))).toBe(true);
  });

  it('shows results as JSON, whatever they are', () => {
    expect(renderToolResult({ name: 'get', content: '{"a": 1}\n' })).toBe('{"name": "get", "result": {"a": 1}}');
    expect(JSON.parse(renderToolResult({ name: 'get', content: 'He said "}\n<end>' }))).toEqual({
      name: 'get',
      result: 'He said "}\n<end>',
    });
  });

  it('leaves system, user and assistant in turns', () => {
    const { messages: rendered } = renderToolMessages(
      [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Ulm and Bonn?' },
        { role: 'assistant', content: '', toolCalls: [call, { ...call, id: 'call_2', arguments: '{"city":"Bonn"}' }] },
        { role: 'tool', content: 'sun', toolCallId: 'call_1' },
        { role: 'tool', content: 'rain', toolCallId: 'call_2' },
        { role: 'user', content: 'And?' },
        { role: 'assistant', content: 'Sun and rain.' },
        { role: 'user', content: 'Thanks.' },
      ],
      { tools },
    );
    expect(rendered.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user', 'assistant', 'user']);
    expect(rendered[0]?.content).toBe(`Be brief.\n\n${renderToolsForPrompt({ tools })}`);
    expect(rendered[2]?.content).toMatch(/^\[\{"name": "get_weather"/);
    expect(rendered[3]?.content).toBe(
      '{"name": "get_weather", "result": "sun"}\n{"name": "get_weather", "result": "rain"}\n\nAnd?',
    );
  });

  it('adds a system message where there is none, and offers nothing with choice none', () => {
    const messages = [{ role: 'user', content: 'Hi' }] as const;
    expect(renderToolMessages(messages, { tools }).messages.map(({ role }) => role)).toEqual(['system', 'user']);
    expect(renderToolMessages(messages, { tools, toolChoice: 'none' }).messages).toEqual(messages);
  });

  it('tells where each message ends when results and words behind them became one', () => {
    const given: ChatMessage[] = [
      { role: 'user', content: 'Ulm and Bonn?' },
      { role: 'assistant', content: '', toolCalls: [call, { ...call, id: 'call_2' }] },
      { role: 'tool', content: 'sun', toolCallId: 'call_1' },
      { role: 'tool', content: 'rain', toolCallId: 'call_2' },
      { role: 'user', content: 'And?' },
    ];
    const { messages, ends } = renderToolMessages(given, { tools });
    const beginnings = ends.map(({ messages: whole, characters }) => [
      ...messages.slice(0, whole).map(({ content }) => content),
      messages[whole]?.content.slice(0, characters) ?? '',
    ]);
    const sun = renderToolResult({ name: 'get_weather', content: 'sun' });
    const rain = renderToolResult({ name: 'get_weather', content: 'rain' });
    expect(ends.map(({ messages: whole }) => whole)).toEqual([1, 2, 3, 3, 3, 4]);
    expect(beginnings[3]).toEqual([...(beginnings[2]?.slice(0, 3) ?? []), sun]);
    expect(beginnings[4]?.at(-1)).toBe(`${sun}\n${rain}`);
    expect(beginnings[5]).toEqual([...messages.map(({ content }) => content), '']);
  });

  it('refuses a result of a call that was never made', () => {
    expect(() => renderToolMessages([{ role: 'tool', content: 'x', toolCallId: 'call_9' }], { tools })).toThrowError(
      expect.objectContaining({ code: 'REQUEST_INVALID' }) as Error,
    );
  });
});
