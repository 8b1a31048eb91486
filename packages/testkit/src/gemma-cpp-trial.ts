import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ChatMessage, Engine, EngineOptions, GenerateRequest, ModelFile, Prompt } from '@gemma-cli/contracts';
import { collectAnswer } from './collect-answer.ts';
import type { CollectedAnswer } from './collect-answer.ts';
import { endTrial } from './engine-trial.ts';
import type { CreateEngine } from './engine-trial.ts';
import { readStandInJournal, standInGemma, standInReply, standInWeights } from './gemma-cpp-script.ts';
import type { StandInEntry, StandInScript } from './gemma-cpp-script.ts';
import { withTemporaryFolder } from './temporary-folder.ts';

/** A gemma.cpp that somebody built, and weights for it. */
export interface RealGemmaCpp {
  readonly executable: string;
  readonly weights: string;
}

/** One engine over stand-ins for gemma.cpp, or over a real one. */
export interface GemmaCppTrial {
  readonly engine: Engine;
  /** What the model says is its own, and there is no journal. */
  readonly isReal: boolean;
  /** Fails unless this is the answer to a conversation; of a real model, unless it is one at all. */
  expectReply(answer: CollectedAnswer, ...messages: readonly ChatMessage[]): void;
  /** A folder of this trial's own. */
  readonly folder: string;
  /** The stand-in's executable. */
  readonly executable: string;
  /** Weights of an instruct model. */
  readonly model: ModelFile;
  /** Weights of a base model. */
  readonly baseModel: ModelFile;
  /** What the stand-ins did so far. Nothing with a real one. */
  journal(): readonly StandInEntry[];
  /** Those that were started to answer, in the order of their start; with a real one, those that were seen at work. */
  pids(): readonly number[];
  /** A greedy request; a bare text is one user message, a text to continue is for the base model. */
  request(prompt: string | Prompt, rest?: Partial<GenerateRequest>): GenerateRequest;
  /** Sends that request and reads the whole answer. */
  ask(
    prompt: string | Prompt,
    rest?: Partial<GenerateRequest>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<CollectedAnswer>;
}

/** Runs `body` on a new engine over stand-ins, closes the engine, and fails when a process is left. */
export async function tryGemmaCpp(
  createEngine: CreateEngine,
  { script = {}, options = {} }: { readonly script?: StandInScript; readonly options?: EngineOptions },
  body: (trial: GemmaCppTrial) => Promise<void>,
): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    const journalPath = join(folder, 'journal.jsonl');
    const executable = standInGemma(join(folder, 'bin'), { journal: journalPath, ...script });
    const model = { path: join(folder, 'instruct.sbs'), name: 'instruct' };
    const baseModel = { path: join(folder, 'base.sbs'), name: 'base' };
    await Promise.all([
      writeFile(model.path, standInWeights()),
      writeFile(baseModel.path, standInWeights({ wrapping: 'base', directoryAtEnd: true })),
    ]);
    const engine = await createEngine({ gemmaExecutable: executable, ...options });
    const journal = (): readonly StandInEntry[] => readStandInJournal(journalPath);
    const pids = (): readonly number[] => journal().flatMap(({ event, pid }) => (event === 'spawn' ? [pid] : []));
    const request = (prompt: string | Prompt, rest: Partial<GenerateRequest> = {}): GenerateRequest => ({
      model: typeof prompt !== 'string' && prompt.type === 'completion' ? baseModel : model,
      prompt: typeof prompt === 'string' ? { type: 'chat', messages: [{ role: 'user', content: prompt }] } : prompt,
      sampling: { temperature: 0 },
      maxTokens: 500,
      ...rest,
    });
    try {
      await body({
        engine,
        isReal: false,
        folder,
        executable,
        model,
        baseModel,
        journal,
        pids,
        request,
        ask: (prompt, rest, callOptions) => collectAnswer(engine.generate(request(prompt, rest), callOptions)),
        expectReply({ text, error }, ...messages) {
          expect(error).toBeNull();
          expect(text).toBe(expectedReply(...messages));
        },
      });
    } finally {
      await endTrial(engine, pids);
    }
  });
}

/**
 * Runs `body` on a new engine over a real gemma.cpp, as {@link tryGemmaCpp} does over stand-ins: with few tokens and a small
 * context, and whatever the model says.
 */
export async function tryRealGemmaCpp(
  createEngine: CreateEngine,
  { real, options = {} }: { readonly real: RealGemmaCpp; readonly options?: EngineOptions },
  body: (trial: GemmaCppTrial) => Promise<void>,
): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    const engine = await createEngine({ gemmaExecutable: real.executable, threads: 1, ...options });
    const model = { path: real.weights, name: 'real' };
    const seen = new Set<number>();
    const look = (): void => {
      for (const { pid } of engine.status().processes) seen.add(pid);
    };
    const request = (prompt: string | Prompt, rest: Partial<GenerateRequest> = {}): GenerateRequest => ({
      model,
      prompt: typeof prompt === 'string' ? { type: 'chat', messages: [{ role: 'user', content: prompt }] } : prompt,
      sampling: { temperature: 0 },
      maxTokens: 8,
      contextTokens: 1_024,
      ...rest,
    });
    try {
      await body({
        engine,
        isReal: true,
        folder,
        executable: real.executable,
        model,
        baseModel: model,
        journal: () => [],
        pids: () => [...seen],
        request,
        ask: (prompt, rest, callOptions) => collectAnswer(engine.generate(request(prompt, rest), callOptions), look),
        expectReply({ error, end }) {
          expect(error).toBeNull();
          expect(['stop', 'length']).toContain(end?.reason);
        },
      });
    } finally {
      await endTrial(engine, () => [...seen]);
    }
  });
}

/** What gemma.cpp makes of a conversation before it answers, when its questions come as lines. */
export function instructContext(messages: readonly ChatMessage[]): string {
  const system = messages[0]?.role === 'system' ? `${messages[0].content}\n\n` : '';
  const rest = system === '' ? messages : messages.slice(1);
  const turns = rest.map(({ role, content }, index) =>
    role === 'user'
      ? `<start_of_turn>user\n${index === 0 ? system : ''}${content}\n<end_of_turn>\n<start_of_turn>model\n`
      : `${content}<end_of_turn>\n`,
  );
  return `<bos>${turns.join('')}`;
}

/** What a stand-in answers to a conversation, however it comes to it. */
export function expectedReply(...messages: readonly ChatMessage[]): string {
  return standInReply(instructContext(messages));
}

/** A user's message. */
export function user(content: string): ChatMessage {
  return { role: 'user', content };
}

/** The model's. */
export function assistant(content: string): ChatMessage {
  return { role: 'assistant', content };
}
