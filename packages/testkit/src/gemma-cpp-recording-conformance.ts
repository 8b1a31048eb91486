import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { Engine, ErrorCode, GenerateRequest, Prompt } from '@gemma-cli/contracts';
import { collectAnswer } from './collect-answer.ts';
import { itUnless } from './declare-unless.ts';
import type { GemmaCppSubject } from './gemma-cpp-conformance.ts';
import {
  gemmaCppRecordings,
  readRecording,
  recordedArguments,
  recordedOutput,
  replayGemma,
} from './gemma-cpp-recordings.ts';
import type { RecordedEvent } from './gemma-cpp-recordings.ts';
import { standInWeights } from './gemma-cpp-script.ts';
import { assistant, user } from './gemma-cpp-trial.ts';
import { withTemporaryFolder } from './temporary-folder.ts';

/** Fast enough for a test, slow enough that tokens come one by one: the recordings have 70 ms and more between two. */
const fast = 0.05;

/** Whether an answer ended at its limit is known by counting its writes: with these they are 100 ms and more apart. */
const countable = { 'cli/oneshot-it-v0': 0.3, 'errors/gen-exceeds-seq': 1 };

/** One engine on one recording. */
interface ReplayTrial {
  readonly engine: Engine;
  readonly events: readonly RecordedEvent[];
  /** The arguments of the recorded process. */
  readonly args: readonly string[];
  ask(prompt: Prompt, rest: Partial<GenerateRequest>): ReturnType<typeof collectAnswer>;
}

/**
 * Declares what an engine makes of recorded runs of gemma.cpp, played byte for byte. Where a recorded process answered
 * several prompts, an engine with a process for each gets the first of them.
 */
export function gemmaCppRecordingConformance({ name, createEngine, isWarm }: GemmaCppSubject): void {
  const { folder, missing } = gemmaCppRecordings();
  const played = (
    recording: string,
    promise: string,
    wrapping: 'instruct' | 'base',
    body: (trial: ReplayTrial) => Promise<void>,
    timeScale = fast,
  ): void =>
    itUnless(missing, `${recording}: ${promise}`, () =>
      withTemporaryFolder(async (place) => {
        const path = join(place, 'weights.sbs');
        await writeFile(path, standInWeights({ wrapping }));
        const recordingPath = join(folder, `${recording}.jsonl`);
        const gemmaExecutable = replayGemma(join(place, 'bin'), { recording: recordingPath, timeScale });
        const events = readRecording(recordingPath);
        await using engine = await createEngine({ gemmaExecutable });
        await body({
          engine,
          events,
          args: recordedArguments(events),
          ask: (prompt, rest) =>
            collectAnswer(engine.generate({ model: { path }, prompt, sampling: { temperature: 0 }, ...rest })),
        });
      }),
    );
  const recordedPrompt = (args: readonly string[]): Prompt => ({
    type: 'completion',
    text: args[args.indexOf('--prompt') + 1] ?? 'hi',
  });

  describe(name, () => {
    played(
      'cli/recommended-eot-sentinel',
      isWarm ? 'readiness, recall, reset and four turns on one process' : 'readiness and the first turn',
      'instruct',
      async ({ ask, events, engine }) => {
        const replies = recordedReplies(events);
        expect(replies.length, 'the recording is the expected one').toBe(4);
        // The recorded process ended its answers at 10 tokens. Allowed more, the engine takes that for the model's own end,
        // and goes on with the conversation as the recording does.
        const rest = { maxTokens: 1_000 };
        const first = [user('My name is Alice.\n\nI live in Paris.')];
        const texts = [(await ask({ type: 'chat', messages: first }, rest)).text];
        if (isWarm) {
          const second = [...first, assistant(texts[0] ?? ''), user('My name is')];
          texts.push((await ask({ type: 'chat', messages: second }, rest)).text);
          const third = [user('My name is')];
          texts.push((await ask({ type: 'chat', messages: third }, rest)).text);
          const fourth = [...third, assistant(texts[2] ?? ''), user('%quick test')];
          texts.push((await ask({ type: 'chat', messages: fourth }, rest)).text);
          expect(engine.status().processes.length).toBe(1);
        }
        expect(texts).toEqual(replies.slice(0, texts.length));
      },
    );

    for (const recording of ['oneshot-v0', 'eos-oneshot-v0', 'utf8-bytes', 'utf8-emoji', 'dup-flag', 'flag-equals'])
      played(`cli/${recording}`, 'the text of a completion, byte for byte', 'base', async ({ ask, events, args }) => {
        const { text, error, end } = await ask(recordedPrompt(args), { maxTokens: 100 });
        expect(error).toBeNull();
        expect(text).not.toBe('');
        expect(text).toBe(recordedOutput(events).slice(0, -2));
        expect(end?.usage.estimated).toBe(true);
      });

    played(
      'cli/oneshot-it-v0',
      'the answer of a chat-wrapped process',
      'instruct',
      async ({ ask, events }) => {
        const messages = [user('What is the capital of France?')];
        const { text, end } = await ask({ type: 'chat', messages }, { maxTokens: 16 });
        expect(text).toBe(recordedOutput(events).slice(0, -2));
        expect(end?.reason).toBe('length');
      },
      countable['cli/oneshot-it-v0'],
    );

    played(
      'cli/repl-v0',
      isWarm ? 'two completions on one process, told apart by the empty-line sentinel' : 'the first completion',
      'base',
      async ({ ask, engine }) => {
        const one = await ask({ type: 'completion', text: 'The capital of France is' }, { maxTokens: 12 });
        expect(one.text).toBe('the capital of the country of France. It is the capital');
        if (!isWarm) return;
        const two = await ask({ type: 'completion', text: 'One, two, three,' }, { maxTokens: 12 });
        expect(two.text).toBe('four, five, six, seven, eight, nine,');
        expect(engine.status().processes.length).toBe(1);
      },
    );

    played(
      'errors/gen-exceeds-seq',
      'the count of the prompt and the shortened answer are read from the warning',
      'base',
      async ({ ask, events }) => {
        const { text, end } = await ask({ type: 'completion', text: 'The capital of France is' }, { maxTokens: 400 });
        expect(text).toBe(recordedOutput(events).slice(0, -2));
        expect(end).toMatchObject({ reason: 'length', usage: { promptTokens: 6 } });
      },
      countable['errors/gen-exceeds-seq'],
    );

    const once: Prompt = { type: 'completion', text: 'Once upon a time' };
    for (const signal of ['sigint', 'sigterm', 'sigkill'])
      played(
        `cli/cancel-${signal}`,
        'a process that somebody ended is a typed error, and the text so far stays',
        'base',
        async ({ ask, events }) => {
          const { text, error } = await ask(once, { maxTokens: 200 });
          expect(error).toMatchObject({ code: 'ENGINE_EXITED', facts: { signal: signal.toUpperCase() } });
          expect(text).toBe(recordedOutput(events));
        },
      );

    played(
      'cli/cancel-sigterm',
      'with its own timing: text comes while the process works',
      'base',
      async ({ ask, events }) => {
        const outputs = events.filter(({ stream }) => stream === 'stdout');
        const exit = events.find(({ stream }) => stream === 'exit');
        const recordedMs = (exit?.t_ms ?? 0) - (outputs[0]?.t_ms ?? 0);
        expect(recordedMs, 'the recording takes a while').toBeGreaterThan(500);
        const begunAt = performance.now();
        const answer = await ask(once, { maxTokens: 200 });
        expect(answer.text).toBe(recordedOutput(events));
        // No upper bound: the machine may be slow, the player may not be fast.
        expect(performance.now() - begunAt).toBeGreaterThan(0.95 * recordedMs);
        const deltas = answer.events.filter(({ type }) => type === 'text-delta').length;
        expect(deltas, `deltas of ${outputs.length} writes`).toBeGreaterThan(outputs.length / 2);
      },
      1,
    );

    const failures: readonly (readonly [recording: string, code: ErrorCode])[] = [
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
    for (const [recording, code] of failures)
      played(`errors/${recording}`, `${code}, with the reason that gemma.cpp gave`, 'base', async ({ ask, args }) => {
        const prompt = args.includes('--prompt') ? recordedPrompt(args) : ({ type: 'completion', text: 'hi' } as const);
        const { error, text } = await ask(prompt, {});
        expect(error).toMatchObject({ code, facts: { signal: 'SIGABRT', abort: { reason: expect.any(String) } } });
        expect(text).toBe('');
        if (code === 'CONTEXT_EXCEEDED') expect(error?.facts['promptTokens']).toBe(82);
      });
  });
}

/** The replies of a recording with empty prompts as sentinels. */
function recordedReplies(events: readonly RecordedEvent[]): readonly string[] {
  return recordedOutput(events)
    .replace("Use '%q' to quit.\n", '')
    .split("\n\nUse '%q' to quit.\n")
    .map((text) => text.replace("Use '%q' to quit.\n", ''))
    .slice(0, -1);
}
