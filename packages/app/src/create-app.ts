import { randomUUID } from 'node:crypto';
import {
  GemmaError,
  isGemmaError,
  type Engine,
  type GenerateRequest,
  type ModelFile,
  type Prompt,
  type Resolution,
  type Speculation,
} from '@gemma-cli/contracts';
import { assemblePrompt, describeFormat, joinPromptParts, stopStringsOf } from './assemble-prompt.ts';
import type { AnswerInput } from './answer.ts';
import type { AnswerEngine, AppEvent, Notice } from './app-event.ts';
import { chooseModel, type AppModel, type ModelSource } from './choose-model.ts';
import type { AnswerOptions, Client, PromptParts } from './client.ts';
import { createChatSession } from './chat-session.ts';
import type { ConversationMemory } from './conversation-memory.ts';
import type { Passage, RagMode, Retrieval } from './passages.ts';
import { createTurnKeeper } from './turn-keeper.ts';

/** What a request gets where it says nothing. */
export interface AppDefaults {
  /** Name or path of a model, or `auto`. Default `auto`. */
  readonly model?: string | undefined;
  /** Instruction that stands before every conversation. Default: none. */
  readonly system?: string | undefined;
  readonly options?: AnswerOptions | undefined;
  /** Whether answers use what is remembered. Default `auto`. */
  readonly rag?: RagMode | undefined;
}

/** An engine and how it was chosen. */
export interface AppEngine {
  readonly engine: Engine;
  readonly resolution: Resolution;
}

/** What {@link createApp} takes. */
export interface AppOptions {
  /** Makes the engine when the first answer needs it. Called again only if it failed. The app closes what it made. */
  readonly engine: () => Promise<AppEngine>;
  /** The installed models: a model store, or the part of one. */
  readonly models: ModelSource;
  readonly defaults?: AppDefaults | undefined;
  /**
   * Opens what is remembered when the first answer may use it; `null` = there is nothing. Called again as long as it gives
   * `null` or fails. The app closes what it opened. Default: nothing is remembered.
   */
  readonly retrieval?: (() => Promise<Retrieval | null>) | undefined;
  /**
   * Opens the memory for sessions that are asked to remember, when the first of their turns is over. The app closes what it
   * opened. Default: no session remembers.
   */
  readonly conversations?: (() => Promise<ConversationMemory>) | undefined;
  /** Makes names for conversations. Default: random UUIDs. */
  readonly newId?: (() => string) | undefined;
  /** Called with one sentence when something goes wrong that no answer tells. Default: silence. */
  readonly warn?: ((message: string) => void) | undefined;
  /** Called with one line per noteworthy event. Default: silence. */
  readonly log?: ((message: string) => void) | undefined;
}

/** The operations of gemma in this process. */
export type App = Client;

/** Makes the app: the only place that assembles prompts, and the owner of sessions. No engine starts before it is needed. */
export function createApp({
  engine,
  models,
  defaults = {},
  retrieval,
  conversations,
  newId = randomUUID,
  warn = () => undefined,
  log,
}: AppOptions): App {
  let created: Promise<AppEngine> | undefined;
  let opened: Promise<Retrieval | null> | undefined;
  let closed = false;
  const keeper =
    conversations === undefined
      ? undefined
      : createTurnKeeper({ open: conversations, warn, log: (message) => log?.(`memory: ${message}`) });

  function getEngine(): Promise<AppEngine> {
    if (closed) {
      return Promise.reject(
        new GemmaError({ code: 'ENGINE_CLOSED', message: 'The app was closed before this request.' }),
      );
    }
    created ??= engine().catch((error: unknown) => {
      created = undefined;
      throw error;
    });
    return created;
  }

  function getRetrieval(): Promise<Retrieval | null> {
    opened ??= (retrieval?.() ?? Promise.resolve(null)).then(
      (made) => {
        if (made === null) opened = undefined;
        return made;
      },
      (error: unknown) => {
        opened = undefined;
        throw error;
      },
    );
    return opened;
  }

  async function* answer({
    content,
    question,
    rag = defaults.rag ?? 'auto',
    session,
    system,
    model: reference,
    options,
    told,
    signal,
  }: AnswerInput): AsyncGenerator<AppEvent> {
    const model = await chooseModel(models, reference ?? defaults.model ?? 'auto');
    const { engine: current, resolution } = await getEngine();
    const mode = model.chat ? 'chat' : 'completion';
    const merged = mergeOptions(defaults.options, options);
    const { format } = merged;
    yield {
      type: 'answer-start',
      model: { name: model.name, path: model.path },
      mode,
      engine: describeEngine(resolution, model),
      ...(format === undefined || format.type === 'gbnf' ? {} : { format: 'json' }),
    };

    if (resolution.reason !== undefined && !told.has('fallback')) {
      told.add('fallback');
      log?.(`engine: ${resolution.active} instead of ${resolution.requested}: ${resolution.reason}`);
      yield notice('ENGINE_FALLBACK', `Using the ${resolution.active} engine: ${resolution.reason}.`);
    }
    if (mode === 'completion' && !told.has(model.path)) {
      told.add(model.path);
      yield notice('COMPLETION_MODE', completionNotice(model, system));
    }
    let memory: Retrieval | null = null;
    let passages: readonly Passage[] = [];
    if (rag !== 'off') {
      try {
        memory = await getRetrieval();
        passages = (await memory?.passages(question, { mode: rag, session, signal })) ?? [];
      } catch (error) {
        // Who asked for passages wants to know; otherwise an answer without them is better than none.
        if (rag === 'on' || signal?.aborted === true || !isGemmaError(error)) throw error;
        log?.(`memory: ${error.message}`);
        yield notice('MEMORY_SKIPPED', `The answer does without what is remembered: ${error.message}`);
      }
    }
    if (passages.length > 0) yield { type: 'passages', passages };
    const context = memory === null || passages.length === 0 ? '' : memory.render(passages, mode);
    const prompt = promptOf(content(mode, context), merged);
    const stop = context === '' ? [] : stopStringsOf(prompt);
    const stopping = stop.length === 0 ? merged : { ...merged, stop: [...(merged.stop ?? []), ...stop] };
    const request = makeRequest(model, prompt, stopping, await draftModel(merged));
    let text = '';
    for await (const event of current.generate(request, { signal })) {
      if (event.type === 'generation-end' && event.reason === 'length' && format !== undefined) {
        yield notice(
          'ANSWER_CUT',
          `The answer reached the token limit before its ${format.type === 'gbnf' ? 'grammar' : 'JSON'} was complete. Raise maxTokens.`,
        );
      }
      if (event.type === 'text-delta') text += event.text;
      if (event.type === 'generation-end' && memory !== null && passages.length > 0)
        yield { type: 'citations', citations: await memory.cite(text, passages, question) };
      yield event;
      if (event.type === 'prompt-trimmed') {
        yield notice(
          'PROMPT_TRIMMED',
          `The conversation is longer than the context: ${event.promptTokensBefore - event.promptTokensAfter} of ` +
            `${event.promptTokensBefore} tokens were left out, the oldest first.`,
        );
      }
    }
  }

  /** The file of the model that guesses ahead, where one does. */
  async function draftModel({ speculation }: AnswerOptions): Promise<ModelFile | undefined> {
    if (speculation?.type !== 'draft') return undefined;
    return modelFile(await chooseModel(models, speculation.model));
  }

  return {
    async *ask({ prompt, template, system = defaults.system, model, options, rag }, { signal } = {}) {
      const text = joinPromptParts(prompt, template);
      const content: AnswerInput['content'] = (mode, context) =>
        assemblePrompt(mode, { system, past: [], text, context });
      yield* answer({
        content,
        question: questionOf(prompt, text),
        rag,
        system,
        model,
        options,
        told: new Set(),
        signal,
      });
    },
    openSession(options = {}) {
      const { system = defaults.system, model = defaults.model ?? 'auto' } = options;
      return createChatSession({
        answer,
        options: { ...options, system, model },
        mergeOptions: (own) => mergeOptions(defaults.options, own),
        keeper,
        newId,
      });
    },
    async prepare({ model: reference, options, signal } = {}) {
      const model = await chooseModel(models, reference ?? defaults.model ?? 'auto');
      const { engine: current } = await getEngine();
      const { contextTokens } = mergeOptions(defaults.options, options);
      const { name, path, chat } = model;
      const prepared = { name, path, mode: chat ? ('chat' as const) : ('completion' as const) };
      // A legacy process ends with its answer: loading one for nobody would only cost its time.
      if (current.implementation === 'legacy') return { ...prepared, contextTokens: contextTokens ?? null };
      if (signal?.aborted === true) {
        throw new GemmaError({ code: 'ABORTED', message: 'The request was aborted before the model was loaded.' });
      }
      const description = await current.describe({ path, name }, { contextTokens, signal });
      return { ...prepared, contextTokens: description.contextTokens };
    },
    async close() {
      if (closed) return;
      closed = true;
      // An engine that could not be made has nothing to close; its error went to whoever asked for it.
      const made = await created?.catch(() => undefined);
      try {
        await made?.engine.close();
      } finally {
        // What was said is kept even if the engine makes trouble.
        await keeper?.close();
        const memory = await opened?.catch(() => undefined);
        await memory?.close();
      }
    },
    async [Symbol.asyncDispose]() {
      await this.close();
    },
  };
}

function describeEngine({ requested, active, reason }: Resolution, model: AppModel): AnswerEngine {
  const runtime = model.format === 'sbs' ? 'gemma.cpp' : 'llama.cpp';
  return { requested, active, ...(reason === undefined ? {} : { reason }), runtime };
}

function notice(code: Notice['code'], message: string): Notice {
  return { type: 'notice', code, message };
}

function completionNotice({ name }: AppModel, system: string | undefined): string {
  const head = system === undefined ? '' : ' The system text stands at its beginning.';
  return `${name} is a base model: it continues the text, it does not answer or follow instructions.${head}`;
}

function mergeOptions(before: AnswerOptions = {}, after: AnswerOptions = {}): AnswerOptions {
  const sampling = { ...before.sampling, ...withoutUndefined(after.sampling ?? {}) };
  return { ...before, ...withoutUndefined(after), sampling };
}

/** What is asked: what the user typed, where that is something; what was piped in or named as a file is what it is about. */
function questionOf(prompt: string | PromptParts, whole: string): string {
  const typed = typeof prompt === 'string' ? prompt : prompt.text;
  return typed === undefined || typed.trim() === '' ? whole : typed;
}

/** Told the form of the answer, where that is asked for. */
function promptOf(prompt: Prompt, options: AnswerOptions): Prompt {
  return options.describeFormat === true ? describeFormat(prompt, options.format) : prompt;
}

function makeRequest(
  model: AppModel,
  prompt: Prompt,
  { speculation, describeFormat: _told, ...options }: AnswerOptions,
  draft: ModelFile | undefined,
): GenerateRequest {
  const guessing: Speculation | undefined =
    speculation?.type === 'draft' ? (draft === undefined ? undefined : { type: 'draft', model: draft }) : speculation;
  return {
    ...(withoutUndefined(options) as Omit<GenerateRequest, 'model' | 'prompt' | 'speculation'>),
    ...(guessing === undefined ? {} : { speculation: guessing }),
    model: modelFile(model),
    prompt,
  };
}

/** What the engine is told of a model: its hash too, by which saved states know the weights. */
function modelFile({ path, name, sha256, changed = false }: AppModel): ModelFile {
  return { path, name, ...(typeof sha256 === 'string' && !changed ? { sha256 } : {}) };
}

/** Leaves out keys without a value: the engine tells "not given" from "given as nothing". */
function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as T;
}
