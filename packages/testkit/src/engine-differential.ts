import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatMessage, Engine, GenerateRequest, Prompt } from '@gemma-cli/contracts';
import { collectAnswer } from './collect-answer.ts';
import type { CollectedAnswer } from './collect-answer.ts';
import { tryEngine, untilGone } from './engine-trial.ts';
import type { CreateEngine, EngineTrial } from './engine-trial.ts';
import { oracle, whole } from './oracle.ts';
import { withTemporaryFolder } from './temporary-folder.ts';
import type { WorkerScript } from './worker-script.ts';

/** Two engines that must answer alike. */
export interface DifferentialSubject {
  /** The title of the suite. */
  readonly name: string;
  /** The readable engine. */
  readonly legacy: CreateEngine;
  /** The fast one. */
  readonly optimized: CreateEngine;
  /** Random stories per kind of model process. Default 3. */
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

/** A beginning long enough for checkpoints and saved states, which two of the conversations share. */
const system: ChatMessage = {
  role: 'system',
  content: 'Be brief, be kind, and say where you know it from. '.repeat(12),
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
      it.concurrent(`both answer alike: ${title}`, { timeout: 120_000 }, async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(steps, { minLength: 3, maxLength: stepsMax }), (story) =>
            withTemporaryFolder((folder) =>
              tryEngine(legacy, { script }, (one) =>
                tryEngine(optimized, { script, options: savesStates ? { stateCache: { folder } } : {} }, (other) =>
                  liveThrough(story, one, other, reproducible),
                ),
              ),
            ),
          ),
          { seed, numRuns: runs, endOnFailure: true },
        );
      });
  });
}

/** Runs one story on both engines and compares each answer. */
async function liveThrough(
  story: readonly Step[],
  one: EngineTrial,
  other: EngineTrial,
  reproducible: boolean,
): Promise<void> {
  const conversations: ChatMessage[][] = [[], [system], [system]];
  let current = 0;
  const both = async (prompt: Prompt, rest: Partial<GenerateRequest> = {}): Promise<CollectedAnswer> => {
    const given = { maxTokens: 24, reproducible, ...rest };
    const [first, second] = await Promise.all([one.ask(prompt, given), other.ask(prompt, given)]);
    compare(first, second);
    // Numbers that depend on the batches have no oracle but legacy; neither do stop strings.
    if (!reproducible && given.stop === undefined) {
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
}

function compare(legacy: CollectedAnswer, optimized: CollectedAnswer): void {
  expect(optimized.error?.code).toBe(legacy.error?.code);
  expect(optimized.text).toBe(legacy.text);
  expect(optimized.end?.reason).toBe(legacy.end?.reason);
  expect(optimized.end?.usage.promptTokens).toBe(legacy.end?.usage.promptTokens);
  expect(optimized.end?.usage.outputTokens).toBe(legacy.end?.usage.outputTokens);
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
