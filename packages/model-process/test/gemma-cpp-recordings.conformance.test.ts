import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ChatMessage, Engine, ErrorCode, GenerateRequest } from '@gemma-cli/contracts';
import {
  collectAnswer,
  gemmaCppRecordings,
  readRecording,
  recordedArguments,
  recordedOutput,
  replayGemma,
  standInWeights,
  withTemporaryFolder,
} from '@gemma-cli/testkit';
import { engineOnHosts, gemmaCppHost, resolveEngineOptions } from '../src/index.ts';

/** Fast enough for a test, slow enough that tokens come one by one: the recordings have 70 ms and more between two. */
const timeScale = 0.05;

const recordings = gemmaCppRecordings();

// A skip by what is there is on purpose and carries its reason.
// oxlint-disable-next-line vitest/no-disabled-tests
if ('missing' in recordings) it.skip(`recordings of gemma.cpp (skipped: ${recordings.missing})`, () => {});
else declare(recordings.folder);

function declare(folder: string): void {
  describe('recorded runs of gemma.cpp', () => {
    it('cli/recommended-eot-sentinel: readiness, recall, reset and four turns on one process, byte for byte', () =>
      replaying(folder, 'cli/recommended-eot-sentinel', 'repl', 'instruct', async ({ ask, events, engine }) => {
        const replies = recordedReplies(events);
        expect(replies.length, 'the recording is the expected one').toBe(4);
        // The recorded process ended its answers at 10 tokens. Allowed more, the driver takes that for the model's own end,
        // and goes on with the conversation as the recording does.
        const rest = { maxTokens: 1_000 };
        const first = chat(user('My name is Alice.\n\nI live in Paris.'));
        const texts = [(await ask(first, rest)).text];
        texts.push((await ask(chat(...first.messages, assistant(texts[0]), user('My name is')), rest)).text);
        const third = chat(user('My name is'));
        texts.push((await ask(third, rest)).text);
        texts.push((await ask(chat(...third.messages, assistant(texts[2]), user('%quick test')), rest)).text);
        expect(texts).toEqual(replies);
        expect(engine.status().processes.length).toBe(1);
      }));

    for (const name of ['oneshot-v0', 'eos-oneshot-v0', 'utf8-bytes', 'utf8-emoji', 'dup-flag', 'flag-equals'] as const)
      it(`cli/${name}: the text of a completion, byte for byte`, () =>
        replaying(folder, `cli/${name}`, 'one-shot', 'base', async ({ ask, events, args }) => {
          const prompt = args[args.indexOf('--prompt') + 1] ?? '';
          const { text, error, end } = await ask({ type: 'completion', text: prompt }, { maxTokens: 100 });
          expect(error).toBeNull();
          expect(text).toBe(recordedOutput(events).slice(0, -2));
          expect(end?.usage.estimated).toBe(true);
        }));

    it('cli/oneshot-it-v0: the answer of a chat-wrapped process', () =>
      replaying(folder, 'cli/oneshot-it-v0', 'one-shot', 'instruct', async ({ ask, events }) => {
        const { text, end } = await ask(chat(user('What is the capital of France?')), { maxTokens: 16 });
        expect(text).toBe(recordedOutput(events).slice(0, -2));
        expect(end?.reason).toBe('length');
      }));

    it('cli/repl-v0: two completions on one process, told apart by the empty-line sentinel', () =>
      replaying(folder, 'cli/repl-v0', 'repl', 'base', async ({ ask, engine }) => {
        const one = await ask({ type: 'completion', text: 'The capital of France is' }, { maxTokens: 12 });
        const two = await ask({ type: 'completion', text: 'One, two, three,' }, { maxTokens: 12 });
        expect([one.text, two.text]).toEqual([
          'the capital of the country of France. It is the capital',
          'four, five, six, seven, eight, nine,',
        ]);
        expect(engine.status().processes.length).toBe(1);
      }));

    it('errors/gen-exceeds-seq: the count of the prompt and the shortened answer are read from the warning', () =>
      replaying(folder, 'errors/gen-exceeds-seq', 'one-shot', 'base', async ({ ask, events }) => {
        const { text, end } = await ask({ type: 'completion', text: 'The capital of France is' }, { maxTokens: 400 });
        expect(text).toBe(recordedOutput(events).slice(0, -2));
        expect(end).toMatchObject({ reason: 'length', usage: { promptTokens: 6 } });
      }));

    for (const signal of ['sigint', 'sigterm', 'sigkill'])
      it(`cli/cancel-${signal}: a process that somebody ended is a typed error, and the text so far stays`, () =>
        replaying(folder, `cli/cancel-${signal}`, 'repl', 'base', async ({ ask, events }) => {
          const { text, error } = await ask({ type: 'completion', text: 'Once upon a time' }, { maxTokens: 200 });
          expect(error).toMatchObject({ code: 'ENGINE_EXITED', facts: { signal: signal.toUpperCase() } });
          expect(text).toBe(recordedOutput(events));
        }));

    const failures: readonly (readonly [name: string, code: ErrorCode])[] = [
      ['prompt-too-long', 'CONTEXT_EXCEEDED'],
      ['missing-file', 'ENGINE_LOAD_FAILED'],
      ['no-weights', 'ENGINE_LOAD_FAILED'],
      ['empty-file', 'MODEL_INVALID'],
      ['garbage-file', 'MODEL_INVALID'],
      ['gguf-file', 'MODEL_INVALID'],
      ['truncated-file', 'MODEL_INVALID'],
      ['tiny-file', 'MODEL_INVALID'],
      ['directory', 'MODEL_INVALID'],
      ['bad-tokenizer', 'MODEL_INVALID'],
      ['missing-tokenizer', 'ENGINE_LOAD_FAILED'],
      ['missing-value', 'ENGINE_START_FAILED'],
      ['bad-bool', 'ENGINE_START_FAILED'],
      ['bad-tristate', 'ENGINE_START_FAILED'],
      ['bad-int', 'ENGINE_START_FAILED'],
      ['bad-int-range', 'ENGINE_START_FAILED'],
      ['tbatch-too-big', 'ENGINE_FAILED'],
      ['image-on-text-model', 'ENGINE_FAILED'],
    ];
    for (const [name, code] of failures)
      it(`errors/${name}: ${code}, with the reason that gemma.cpp gave`, () =>
        replaying(folder, `errors/${name}`, 'one-shot', 'base', async ({ ask, args }) => {
          const prompt = args[args.indexOf('--prompt') + 1] ?? 'hi';
          const { error, text } = await ask({ type: 'completion', text: prompt }, {});
          expect(error).toMatchObject({ code, facts: { signal: 'SIGABRT', abort: { reason: expect.any(String) } } });
          expect(text).toBe('');
          if (code === 'CONTEXT_EXCEEDED') expect(error?.facts['promptTokens']).toBe(82);
        }));
  });
}

interface ReplayTrial {
  readonly engine: Engine;
  readonly events: ReturnType<typeof readRecording>;
  /** The arguments of the recorded process. */
  readonly args: readonly string[];
  ask(prompt: GenerateRequest['prompt'], rest: Partial<GenerateRequest>): ReturnType<typeof collectAnswer>;
}

async function replaying(
  folder: string,
  name: string,
  mode: 'one-shot' | 'repl',
  wrapping: 'instruct' | 'base',
  body: (trial: ReplayTrial) => Promise<void>,
): Promise<void> {
  const recording = join(folder, `${name}.jsonl`);
  const events = readRecording(recording);
  await withTemporaryFolder(async (place) => {
    const path = join(place, 'weights.sbs');
    await writeFile(path, standInWeights({ wrapping }));
    const settings = resolveEngineOptions({
      gemmaExecutable: replayGemma(join(place, 'bin'), { recording, timeScale }),
    });
    const host = gemmaCppHost({ mode, settings });
    const engine = engineOnHosts({ gguf: { ...host, processes: () => [] }, sbs: host }, settings);
    try {
      await body({
        engine,
        events,
        args: recordedArguments(events),
        ask: (prompt, rest) =>
          collectAnswer(engine.generate({ model: { path }, prompt, sampling: { temperature: 0 }, ...rest })),
      });
    } finally {
      await engine.close();
    }
  });
}

/** The replies of a recording with empty prompts as sentinels. */
function recordedReplies(events: ReturnType<typeof readRecording>): readonly string[] {
  return recordedOutput(events)
    .replace("Use '%q' to quit.\n", '')
    .split("\n\nUse '%q' to quit.\n")
    .map((text) => text.replace("Use '%q' to quit.\n", ''))
    .slice(0, -1);
}

function user(content: string): ChatMessage {
  return { role: 'user', content };
}

function assistant(content = ''): ChatMessage {
  return { role: 'assistant', content };
}

function chat(...messages: readonly ChatMessage[]): {
  readonly type: 'chat';
  readonly messages: readonly ChatMessage[];
} {
  return { type: 'chat', messages };
}
