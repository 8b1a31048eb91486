import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatMessage, Engine, GenerateRequest, Prompt, ToolDefinition } from '@gemma-cli/contracts';
import { collectAnswer } from './collect-answer.ts';
import type { CollectedAnswer } from './collect-answer.ts';
import { tryEngine, untilGone } from './engine-trial.ts';
import type { CreateEngine, EngineTrial } from './engine-trial.ts';
import { oracle, whole } from './oracle.ts';
import { withTemporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';
import type { WorkerScript } from './worker-script.ts';

/** Two engines that must answer alike. */
export interface DifferentialSubject {
  /** The title of the suite. */
  readonly name: string;
  /** The readable engine. */
  readonly legacy: CreateEngine;
  /** The fast one. */
  readonly optimized: CreateEngine;
  /** Random stories per kind of model process, beside the one with every step. Default 3. */
  readonly runs?: number;
  /** Most steps of a story, at least 3. Default 8. */
  readonly stepsMax?: number;
  /** Seed of the stories. Default: a new one, printed in the title of the suite. */
  readonly seed?: number;
}

/** One thing that a user of a chat does. */
type Step =
  /** Goes on in the conversation. */
  | { readonly do: 'say'; readonly text: string; readonly seed: number | null }
  /** Changes the user message so many turns back, and asks again from there. */
  | { readonly do: 'edit'; readonly turnsBack: number; readonly text: string }
  /** Turns to another conversation. */
  | { readonly do: 'switch'; readonly conversation: number }
  /** Stops the answer after some deltas. Both engines forget the partial answer. */
  | { readonly do: 'abort'; readonly text: string; readonly afterDeltas: number }
  /** Lets the model go on with a bare text. */
  | { readonly do: 'complete'; readonly text: string }
  /** Wants an answer of a form. */
  | { readonly do: 'form'; readonly text: string; readonly form: 'json' | 'schema' | 'grammar' }
  /** Wants to know how likely the tokens were. */
  | { readonly do: 'logprobs'; readonly text: string; readonly count: number }
  /** Lets the model call a tool. */
  | { readonly do: 'tool'; readonly text: string; readonly choice: 'auto' | 'required' }
  /** Asks in a context that is perhaps too small for the conversation. */
  | { readonly do: 'squeeze'; readonly text: string; readonly contextTokens: number; readonly trim: boolean }
  /** Says how much of the conversation will come again. */
  | { readonly do: 'stable'; readonly text: string; readonly messages: number; readonly characters: number }
  /** Asks with a stop string. */
  | { readonly do: 'stop'; readonly text: string; readonly stop: string }
  /** Asks in several conversations at the same time; one of them is stopped on the way. */
  | { readonly do: 'together'; readonly texts: readonly string[]; readonly aborted: number | null }
  /** Kills the process that idles, if there is one: what it held is gone, what is on disk is not. */
  | { readonly do: 'kill' };

/** Texts that share beginnings, with characters of every length. */
const texts = fc.oneof(
  fc.constantFrom('go on', 'go on please', 'why?', 'und dann 😀?', 'ok'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).map(withoutForbidden),
  fc.integer({ min: 1, max: 30 }).map((times) => 'the same words again '.repeat(times)),
);

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('say' as const), text: texts, seed: fc.option(fc.nat(1_000)) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('edit' as const), turnsBack: fc.nat(3), text: texts }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('switch' as const), conversation: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('abort' as const), text: texts, afterDeltas: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('complete' as const), text: texts }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('form' as const),
      text: texts,
      form: fc.constantFrom('json', 'schema', 'grammar'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('logprobs' as const), text: texts, count: fc.nat(4) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('tool' as const),
      text: texts,
      choice: fc.constantFrom('auto', 'required'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('squeeze' as const),
      text: texts,
      contextTokens: fc.constantFrom(100, 300, 800),
      trim: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('stable' as const),
      text: texts,
      messages: fc.nat(4),
      characters: fc.nat(60),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('stop' as const),
      text: texts,
      stop: fc.constantFrom(' ', 'e', '😀', 'a '),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('together' as const),
      texts: fc.array(texts, { minLength: 2, maxLength: 3 }),
      aborted: fc.option(fc.nat(2)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const) }) },
);

/** One story with every step, for those that chance leaves out. */
const tour: readonly Step[] = [
  { do: 'switch', conversation: 1 },
  { do: 'say', text: 'Where does rain come from?', seed: null },
  { do: 'form', text: 'As a list, please.', form: 'schema' },
  { do: 'stable', text: 'And snow?', messages: 3, characters: 8 },
  { do: 'logprobs', text: 'How sure are you?', count: 3 },
  { do: 'tool', text: 'Look for yourself.', choice: 'required' },
  { do: 'squeeze', text: 'In short?', contextTokens: 700, trim: true },
  { do: 'squeeze', text: 'In short?', contextTokens: 700, trim: false },
  { do: 'form', text: 'Once more.', form: 'grammar' },
  { do: 'say', text: 'Thank you.', seed: 5 },
];

const toolCall = '{"name": "look_out", "arguments": {"place": "the sea"}}';

/** What the step `tool` offers; only a prompt with it holds its name. */
const tools: readonly ToolDefinition[] = [
  { name: 'look_out', parameters: { type: 'object', properties: { place: { type: 'string' } } } },
];

const formats = {
  json: { type: 'json' },
  schema: { type: 'json-schema', schema: { type: 'object', properties: { answer: { type: 'string' } } } },
  grammar: { type: 'gbnf', grammar: 'root ::= "{" [^}]+ "}"' },
} as const;

/** A beginning long enough for checkpoints and saved states, which two of the conversations share. */
const system: ChatMessage = {
  role: 'system',
  content: 'Be brief, be kind, and say where you know it from. '.repeat(12),
};

/** A beginning of that length that no story has, so that its state is saved when it is first asked under. */
const epilogue: ChatMessage = {
  role: 'system',
  content: 'Tell how it ended, and what became of all of them. '.repeat(12),
};

/** Kinds of model process: what a real one may do to a cut sequence, and numbers that depend on the batches. */
const kinds: readonly {
  readonly title: string;
  readonly script: WorkerScript;
  readonly reproducible: boolean;
  /** The fast engine keeps states on disk. */
  readonly savesStates?: boolean;
}[] = [
  { title: 'a plain model', script: {}, reproducible: false },
  { title: 'a model that keeps less than asked', script: { cutLoss: 5 }, reproducible: false },
  { title: 'a model with a sliding window', script: { cutTokensMax: 40 }, reproducible: false },
  { title: 'reproducible requests', script: { batchSensitive: true }, reproducible: true },
  {
    title: 'reproducible requests to a model that keeps less than asked, with a sliding window',
    script: { batchSensitive: true, cutLoss: 5, cutTokensMax: 200 },
    reproducible: true,
  },
  {
    title: 'saved states',
    script: { evaluateMsPerToken: 4, timeScale: 0 },
    reproducible: false,
    savesStates: true,
  },
  {
    title: 'saved states of reproducible requests',
    script: { evaluateMsPerToken: 4, timeScale: 0, batchSensitive: true, cutTokensMax: 200 },
    reproducible: true,
    savesStates: true,
  },
];

/**
 * Declares that both engines answer random stories alike: same text, same end, same number of prompt tokens, for greedy
 * and seeded sampling; and that the fast one's cached and evaluated tokens make up the prompt.
 */
export function engineDifferential({
  name,
  legacy,
  optimized,
  runs = 3,
  stepsMax = 8,
  seed = Math.floor(Math.random() * 2 ** 31),
}: DifferentialSubject): void {
  describe(`${name} (seed ${seed})`, () => {
    for (const { title, script, reproducible, savesStates = false } of kinds)
      it.concurrent(`both answer alike: ${title}`, { timeout: 300_000 }, async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(steps, { minLength: 3, maxLength: stepsMax }), (story) =>
            withTemporaryFolder((folder) => {
              const told = { ...script, answerWhen: [{ promptHas: 'look_out', answer: { text: toolCall } }] };
              const options = savesStates ? { stateCache: { folder } } : {};
              return tryEngine(legacy, { script: told }, (one) =>
                tryEngine(optimized, { script: told, options }, async (other) => {
                  const ask = await liveThrough(story, one, other, reproducible);
                  if (savesStates) await restore(ask, other);
                }),
              );
            }),
          ),
          { seed, numRuns: runs + 1, examples: [[[...tour]]], endOnFailure: true },
        );
      });
  });
}

/** Asks both engines, compares, and gives the answer of the fast one. */
type AskBoth = (prompt: Prompt, rest?: Partial<GenerateRequest>) => Promise<CollectedAnswer>;

/** Whatever was told before: what comes after the death of the process begins with a state from disk, and is as good. */
async function restore(ask: AskBoth, { engine }: EngineTrial): Promise<void> {
  const underSystem = (content: string): Prompt => ({ type: 'chat', messages: [epilogue, { role: 'user', content }] });
  const saves = (): number => engine.status().stateCache?.saves ?? 0;
  const endProcesses = async (): Promise<void> => {
    for (const { pid } of engine.status().processes) {
      process.kill(pid, 'SIGKILL');
      await untilGone(pid);
    }
  };
  // A save that the story began is over then, one way or the other.
  await endProcesses();
  const savesBefore = saves();
  await ask(underSystem('What was that?'));
  await until('a state is saved', () => saves() > savesBefore);
  await endProcesses();
  const { end } = await ask(underSystem('And what comes next?'));
  expect(end?.usage.restoredTokens ?? 0, 'tokens restored from disk').toBeGreaterThan(0);
}

/** Runs one story on both engines and compares each answer. Gives how to go on. */
async function liveThrough(
  story: readonly Step[],
  one: EngineTrial,
  other: EngineTrial,
  reproducible: boolean,
): Promise<AskBoth> {
  const conversations: ChatMessage[][] = [[], [system], [system]];
  let current = 0;
  const both: AskBoth = async (prompt, rest = {}) => {
    const given = { maxTokens: 24, reproducible, ...rest };
    const [first, second] = await Promise.all([one.ask(prompt, given), other.ask(prompt, given)]);
    compare(first, second);
    // Numbers that depend on the batches have no oracle but legacy; neither have these options.
    const { stop, format, tools: offered, onContextOverflow } = given;
    if (!reproducible && [stop, format, offered, onContextOverflow].every((option) => option === undefined)) {
      const sampling = { temperature: given.sampling?.temperature ?? 0, seed: given.sampling?.seed ?? 0 };
      expect(whole(second.text)).toBe(oracle(prompt, given.maxTokens, sampling).text);
    }
    return second;
  };

  for (const step of story) {
    const conversation = conversations[current] ?? [];
    switch (step.do) {
      case 'say': {
        conversation.push({ role: 'user', content: step.text });
        const sampling = step.seed === null ? { temperature: 0 } : { temperature: 1, seed: step.seed };
        const { text } = await both({ type: 'chat', messages: [...conversation] }, { sampling });
        conversation.push({ role: 'assistant', content: text });
        break;
      }
      case 'edit': {
        const turns = conversation.filter(({ role }) => role === 'user').length;
        if (turns === 0) break;
        const keep = Math.max(0, turns - 1 - step.turnsBack);
        const begin = conversation[0]?.role === 'system' ? 1 : 0;
        conversation.length = begin + 2 * keep;
        conversation.push({ role: 'user', content: step.text });
        const { text } = await both({ type: 'chat', messages: [...conversation] });
        conversation.push({ role: 'assistant', content: text });
        break;
      }
      case 'switch':
        current = step.conversation;
        break;
      case 'abort': {
        const prompt: Prompt = { type: 'chat', messages: [...conversation, { role: 'user', content: step.text }] };
        await Promise.all(
          [one, other].map(({ engine, request }) =>
            abortAfter(engine, request(prompt, { maxTokens: 24, reproducible }), step.afterDeltas),
          ),
        );
        break;
      }
      case 'complete':
        await both({ type: 'completion', text: step.text });
        break;
      case 'form':
      case 'logprobs':
      case 'stable': {
        conversation.push({ role: 'user', content: step.text });
        const rest: Partial<GenerateRequest> =
          step.do === 'form'
            ? { format: formats[step.form] }
            : step.do === 'logprobs'
              ? { logprobs: step.count }
              : { stablePrefix: stablePrefixOf(step, conversation) };
        const { text } = await both({ type: 'chat', messages: [...conversation] }, rest);
        conversation.push({ role: 'assistant', content: text });
        break;
      }
      case 'tool': {
        const prompt: Prompt = { type: 'chat', messages: [...conversation, { role: 'user', content: step.text }] };
        const { end, error } = await both(prompt, { tools, toolChoice: step.choice, maxTokens: 200 });
        expect({ error, reason: end?.reason }).toEqual({ error: null, reason: 'tool-calls' });
        break;
      }
      case 'squeeze': {
        const prompt: Prompt = { type: 'chat', messages: [...conversation, { role: 'user', content: step.text }] };
        const { contextTokens } = step;
        await both(prompt, { contextTokens, maxTokens: 10, onContextOverflow: step.trim ? 'trim' : 'refuse' });
        break;
      }
      case 'stop': {
        conversation.push({ role: 'user', content: step.text });
        const { text } = await both({ type: 'chat', messages: [...conversation] }, { stop: [step.stop] });
        conversation.push({ role: 'assistant', content: text });
        break;
      }
      case 'together': {
        const prompts = step.texts.map((text, index): Prompt => {
          const talk = conversations[(current + index) % conversations.length] ?? [];
          return { type: 'chat', messages: [...talk, { role: 'user', content: text }] };
        });
        await Promise.all(
          prompts.map((prompt, index) =>
            index === step.aborted
              ? Promise.all(
                  [one, other].map(({ engine, request }) =>
                    abortAfter(engine, request(prompt, { maxTokens: 24, reproducible }), 2),
                  ),
                )
              : both(prompt),
          ),
        );
        break;
      }
      case 'kill': {
        const idle = other.engine.status().processes.find(({ state }) => state === 'idle');
        if (idle === undefined) break;
        process.kill(idle.pid, 'SIGKILL');
        await untilGone(idle.pid);
        break;
      }
      default:
        step satisfies never;
    }
  }
  return both;
}

/** As much of a conversation as there is. */
function stablePrefixOf(
  { messages, characters }: { readonly messages: number; readonly characters: number },
  conversation: readonly ChatMessage[],
): NonNullable<GenerateRequest['stablePrefix']> {
  const count = Math.min(messages, conversation.length - 1);
  return { messages: count, characters: Math.min(characters, conversation[count]?.content.length ?? 0) };
}

function compare(legacy: CollectedAnswer, optimized: CollectedAnswer): void {
  expect(optimized.error?.code).toBe(legacy.error?.code);
  expect(optimized.text).toBe(legacy.text);
  expect(optimized.end?.reason).toBe(legacy.end?.reason);
  expect(optimized.end?.usage.promptTokens).toBe(legacy.end?.usage.promptTokens);
  expect(optimized.end?.usage.outputTokens).toBe(legacy.end?.usage.outputTokens);
  expect(toldBeside(optimized)).toEqual(toldBeside(legacy));
}

/** What an answer tells beside its text, as far as it does not differ by chance. */
function toldBeside({ events }: CollectedAnswer): readonly unknown[] {
  const logprobs = events.flatMap((event) => (event.type === 'text-delta' ? (event.logprobs ?? []) : []));
  const others = events.flatMap((event): readonly unknown[] => {
    if (event.type === 'prompt-trimmed') return [event];
    return event.type === 'tool-call' ? [{ ...event, id: null }] : [];
  });
  return [...logprobs, ...others];
}

async function abortAfter(engine: Engine, request: GenerateRequest, deltas: number): Promise<void> {
  const controller = new AbortController();
  let seen = 0;
  await collectAnswer(engine.generate(request, { signal: controller.signal }), (event) => {
    if (event.type === 'text-delta') seen += 1;
    if (seen >= deltas && event.type !== 'generation-end') controller.abort();
  });
}

/** NUL and ESC are refused in a prompt; a lone surrogate cannot be told from its replacement once it is UTF-8. */
function withoutForbidden(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these two are what is looked for
  const clean = Buffer.from(text.replaceAll(/[\0\u001B]/gu, ' '), 'utf8').toString('utf8');
  return clean === '' ? ' ' : clean;
}
