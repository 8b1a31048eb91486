import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GemmaError, isGemmaError, requestDefaults, toGemmaError } from '@gemma-cli/contracts';
import type { FinishReason, ModelFile, Prompt } from '@gemma-cli/contracts';
import type { LoadedModel } from '@gemma-cli/contracts/worker-protocol';
import { engineDefaults } from '../engine-settings.ts';
import type { EngineSettings } from '../engine-settings.ts';
import type { ModelHost, Turn } from '../model-host.ts';
import { checkCapabilities } from '../resolve-request.ts';
import type { ResolvedRequest } from '../resolve-request.ts';
import { abortedError, closedError, tooLarge } from '../errors.ts';
import { createIdleTimer } from '../idle-timer.ts';
import type { IdleTimer } from '../idle-timer.ts';
import { untilAborted } from '../until-aborted.ts';
import { createAnswerWriter } from './answer-writer.ts';
import type { AnswerWriter } from './answer-writer.ts';
import { chooseCancel } from './cancel-policy.ts';
import { findExecutables, notInstalled } from './find-executable.ts';
import { GemmaProcess } from './gemma-process.ts';
import type { TurnEnd } from './gemma-process.ts';
import { preparePrompt, templateTokens, trimEvent, trimPrompt } from './prepare-prompt.ts';
import type { PreparedPrompt } from './prepare-prompt.ts';
import { probeExecutable } from './probe-executable.ts';
import type { GemmaExecutable } from './probe-executable.ts';
import { processArguments, settingsOf } from './process-arguments.ts';
import type { ProcessSettings } from './process-arguments.ts';
import { estimateTokens, neutralise, renderTurns, tokensAtMost } from './render-prompt.ts';
import type { ChatTurn } from './render-prompt.ts';
import { readSbsConfig } from './sbs-config.ts';
import type { SbsConfig } from './sbs-config.ts';

/** What the driver takes of an engine's settings. */
export type GemmaCppSettings = Pick<
  EngineSettings,
  | 'env'
  | 'checkModel'
  | 'threads'
  | 'areThreadsGiven'
  | 'loadMsMax'
  | 'silenceMsMax'
  | 'abortMsMax'
  | 'responseBytesMax'
  | 'keepAliveMs'
  | 'gemmaExecutable'
  | 'searchPath'
  | 'compactCache'
  | 'slots'
  | 'memoryBytesMax'
  | 'growthBytesMax'
  | 'log'
>;

/** How gemma.cpp is driven. */
export interface GemmaCppHostOptions {
  /** `one-shot`: a process for each prompt. `repl`: one process that stays, and continues a conversation. */
  readonly mode: 'one-shot' | 'repl';
  readonly settings: GemmaCppSettings;
  /** Folder for prompts that only fit a file. Default: the system's folder for temporary files. */
  readonly temporaryFolder?: string | undefined;
}

/** A process that stays loaded between prompts. */
interface WarmProcess {
  readonly key: string;
  readonly settings: ProcessSettings;
  readonly endLine: string | null;
  readonly process: GemmaProcess;
  readonly name: string;
  readonly loadMs: number;
  /** What the process remembers; `null` = something that no caller knows, to be forgotten first. */
  conversation: readonly ChatTurn[] | null;
  /** Tokens of it, estimated. */
  tokens: number;
  /** Tokens of it, at most. */
  tokensMax: number;
  /** An answer that nobody wants any more and that is let finish. */
  draining: Promise<void> | undefined;
  isBusy: boolean;
  readonly idle: IdleTimer;
}

/** A process as `status` shows it. */
interface ShownProcess {
  readonly process: GemmaProcess;
  readonly name: string;
  readonly contextTokens: number;
  isLoaded: boolean;
}

/** An idle process that does not answer an empty prompt for this long is replaced. */
const pingMsMax = 5_000;

/** Major versions of the Gemma family whose turn markers this driver writes. */
const knownFamilies: ReadonlySet<number> = new Set([1, 2, 3]);

/**
 * Makes the host that answers on the gemma.cpp executable. The executable is looked for and probed once, when the first
 * request comes. Requests come one at a time; `describe` loads the model as `generate` would.
 */
export function gemmaCppHost({ mode, settings, temporaryFolder = tmpdir() }: GemmaCppHostOptions): ModelHost {
  /** Every process that runs, for `status` and `close`. */
  const running = new Map<GemmaProcess, ShownProcess>();
  let warm: WarmProcess | undefined;
  let probed: Promise<GemmaExecutable> | undefined;
  let isClosed = false;
  let hasToldIdle = false;

  /** Tells once which options were chosen for nothing: they change no text, so nothing is refused. */
  function tellIdleOptions(): void {
    if (hasToldIdle) return;
    hasToldIdle = true;
    const names = idleOptions(settings, mode);
    if (names.length === 0) return;
    settings.log(`gemma.cpp knows nothing like ${names.join(', ')}: no effect on .sbs weights.`);
  }

  async function executable(signal: AbortSignal): Promise<GemmaExecutable> {
    probed ??= findAndProbe(settings, signal);
    try {
      return await probed;
    } catch (error) {
      // What was missing may be there next time.
      probed = undefined;
      throw error;
    }
  }

  /** Starts a process and waits until its model is loaded, or only until it runs when its prompt is in a file. */
  async function start(
    file: Required<ModelFile>,
    chosen: ProcessSettings,
    { signal, isReproducible, promptFile }: StartOptions,
  ): Promise<StartedProcess> {
    await untilAborted(settings.checkModel(chosen.path), signal);
    const found = await executable(signal);
    if (isClosed) throw closedError();
    tellIdleOptions();
    checkFlags(found, { isReproducible: isReproducible && chosen.topK > 1, areThreadsGiven: settings.areThreadsGiven });
    const endLine = chosen.form === 'block' ? `~~${randomBytes(16).toString('hex')}~~` : null;
    const begin = performance.now();
    const process = new GemmaProcess({
      executable: found.path,
      args: processArguments(chosen, {
        executable: found,
        threads: settings.threads,
        deterministic: isReproducible,
        endLine,
        promptFile,
      }),
      env: settings.env,
      path: chosen.path,
      contextTokens: chosen.contextTokens,
      endLine,
      takesInput: promptFile === null,
      silenceMsMax: settings.silenceMsMax,
    });
    const shown: ShownProcess = {
      process,
      name: file.name,
      contextTokens: chosen.contextTokens,
      isLoaded: false,
    };
    running.set(process, shown);
    void process.exited.then(() => {
      running.delete(process);
      if (warm?.process === process) {
        warm.idle.stop();
        warm = undefined;
      }
    });
    try {
      if (promptFile === null) {
        await untilAborted(process.ready(settings.loadMsMax), signal);
        shown.isLoaded = true;
      }
      return { process, endLine, begin, loadMs: performance.now() - begin };
    } catch (error) {
      await end(process, toGemmaError(error));
      throw error;
    }
  }

  /** Kills a process and waits for its end, no longer than an abort may take. */
  async function end(process: GemmaProcess, why: GemmaError): Promise<void> {
    process.kill(why);
    await Promise.race([process.exited, delay(settings.abortMsMax)]);
  }

  /** Answers on a process of its own. */
  async function answerOnce(parts: AnswerParts): Promise<FinishReason> {
    const { request, turn, prompt, chosen, writer, load } = parts;
    const promptFile = prompt.form === 'file' ? await writePromptFile(temporaryFolder, prompt.text) : null;
    try {
      load.begins();
      const started = await start(request.model, chosen, {
        signal: turn.stop,
        isReproducible: request.reproducible,
        promptFile: promptFile?.path ?? null,
      });
      const { process } = started;
      try {
        if (promptFile === null) load.ends(started.loadMs);
        writer.prompt(prompt.tokens, 0);
        const outcome = await run(process, parts, promptFile === null ? prompt.text : null, true, prompt.tokens, () => {
          // Without a sign of the end of loading, the first output is the first one.
          if (promptFile !== null) load.ends(performance.now() - started.begin);
        });
        return outcome.reason;
      } finally {
        await end(process, abortedError());
      }
    } finally {
      await promptFile?.remove();
    }
  }

  /** Answers on the process that stays, as the next turn of its conversation where the request is that. */
  async function answerWarm(parts: AnswerParts): Promise<FinishReason> {
    const { request, turn, prompt, chosen, writer, load } = parts;
    const model = await wake(request.model, chosen, prompt.text, turn.stop, load);
    let isSound = false;
    try {
      const isNext =
        !request.reproducible &&
        prompt.form === 'block' &&
        continues(model.conversation, prompt.turns) &&
        model.tokensMax + nextTokens(prompt, tokensAtMost) + chosen.maxTokens < chosen.contextTokens;
      if (prompt.form === 'block' && !isNext && (model.conversation === null || model.conversation.length > 0)) {
        await untilAborted(model.process.forget(), turn.stop);
        model.conversation = [];
        model.tokens = 0;
        model.tokensMax = 0;
      }
      const text = isNext ? renderTurns(prompt.turns.slice(-1)) : prompt.text;
      const before = isNext ? model.tokens : 0;
      const promptTokens = isNext ? before + nextTokens(prompt, estimateTokens) : prompt.tokens;
      writer.prompt(promptTokens, before);
      model.conversation = null;
      const { reason, cut, finished } = await run(model.process, parts, text, false, promptTokens - before);
      isSound = true;
      if (cut) await cancel(model, finished, writer, chosen);
      // At the token limit the last token of the answer is not among what the process remembers.
      else if (reason === 'stop' && prompt.form === 'block') {
        model.conversation = prompt.turns.map((each, index) =>
          index === prompt.turns.length - 1 ? { ...each, assistant: writer.written } : each,
        );
        model.tokens = promptTokens + Math.max(writer.tokens, estimateTokens(writer.written));
        model.tokensMax += tokensAtMost(text) + templateTokens + Math.max(writer.tokens, tokensAtMost(writer.written));
      }
      return reason;
    } finally {
      if (!isSound || isClosed) await discard(model, abortedError());
      else rest(model);
    }
  }

  /** The warm process for these settings: loaded, idle and answering. */
  async function wake(
    file: Required<ModelFile>,
    chosen: ProcessSettings,
    text: string,
    signal: AbortSignal,
    load: LoadReport,
  ): Promise<WarmProcess> {
    const key = await untilAborted(processKey(chosen), signal);
    if (warm !== undefined) {
      const model = warm;
      model.idle.stop();
      model.isBusy = true;
      // Whoever sees this process's arguments knows its end line; a prompt that holds it would end there.
      const isFit = model.key === key && !(model.endLine !== null && text.split('\n').includes(model.endLine));
      // An answer that is let finish is waited for only where the process will be used.
      if (isFit && model.draining !== undefined) {
        await untilAborted(model.draining, signal).catch((error: unknown) => {
          rest(model);
          throw error;
        });
      }
      const isUsable = isFit && !model.process.ended && (await answers(model, signal));
      if (signal.aborted) {
        if (!model.process.ended) rest(model);
        throw abortedError();
      }
      if (isUsable) return model;
      if (model.process.ended)
        settings.log(`The idle gemma.cpp process of ${model.name} is gone; a fresh one is started.`);
      await discard(model, abortedError());
    }
    load.begins();
    const { process, endLine, loadMs } = await start(file, chosen, { signal, isReproducible: false, promptFile: null });
    load.ends(loadMs);
    warm = {
      key,
      settings: chosen,
      endLine,
      process,
      name: file.name,
      loadMs,
      conversation: [],
      tokens: 0,
      tokensMax: 0,
      draining: undefined,
      isBusy: true,
      idle: createIdleTimer(settings.keepAliveMs),
    };
    return warm;
  }

  /** Whether an idle process answers an empty prompt, and only that. */
  async function answers(model: WarmProcess, signal: AbortSignal): Promise<boolean> {
    const ping = model.process.ping(Math.min(pingMsMax, settings.silenceMsMax));
    // After an abort the next request waits for the answer to this one.
    const settled = ping
      .catch(() => {})
      .finally(() => {
        if (model.draining === settled) model.draining = undefined;
      });
    model.draining = settled;
    try {
      await untilAborted(ping, signal);
      model.draining = undefined;
      return true;
    } catch (error) {
      if (!signal.aborted) settings.log(`The idle gemma.cpp process does not answer (${toGemmaError(error).code}).`);
      return false;
    }
  }

  /** Ends an answer that is not wanted any more, in the way that is expected to be cheaper for the next prompt. */
  async function cancel(
    model: WarmProcess,
    finished: Promise<TurnEnd>,
    writer: AnswerWriter,
    { maxTokens }: ProcessSettings,
  ): Promise<void> {
    const facts = { tokensLeft: maxTokens - writer.tokens, msPerToken: writer.msPerToken, loadMs: model.loadMs };
    if (settings.keepAliveMs === 0 || chooseCancel(facts) === 'kill') {
      settings.log(`The answer of ${model.name} was cut; its process is ended.`);
      await discard(model, abortedError());
      return;
    }
    settings.log(`The answer of ${model.name} was cut; it is let finish, at most ${Math.ceil(model.loadMs)} ms.`);
    const timer = setTimeout(() => model.process.kill(abortedError()), model.loadMs);
    model.draining = finished
      .then(
        // An answer that looked like its own end leaves a process that cannot be trusted to be idle.
        ({ forged }) => (forged ? discard(model, abortedError()) : undefined),
        () => discard(model, abortedError()),
      )
      .finally(() => {
        clearTimeout(timer);
        model.draining = undefined;
      });
  }

  /** Lets a process wait for the next prompt. */
  function rest(model: WarmProcess): void {
    model.isBusy = false;
    if (warm !== model) return;
    if (settings.keepAliveMs === 0) {
      void discard(model, abortedError());
      return;
    }
    model.idle.start(() => {
      settings.log(`${model.name} was idle for ${settings.keepAliveMs} ms and is unloaded.`);
      void discard(model, abortedError());
    });
  }

  async function discard(model: WarmProcess, why: GemmaError): Promise<void> {
    model.idle.stop();
    if (warm === model) warm = undefined;
    await end(model.process, why);
  }

  /** Runs one turn until its end, a stop string, a limit or an abort. */
  async function run(
    process: GemmaProcess,
    { turn, writer, chosen }: AnswerParts,
    text: string | null,
    isLast: boolean,
    promptTokens: number,
    onFirst: () => void = () => {},
  ): Promise<{ readonly reason: FinishReason; readonly cut: boolean; readonly finished: Promise<TurnEnd> }> {
    const { clock, stop } = turn;
    if (text !== null) clock.promptStart();
    let isFirst = true;
    const finished = process.answer(text, {
      isLast,
      firstMsMax: text === null ? settings.loadMsMax : undefined,
      promptTokens,
      onText: (piece, tokens) => {
        if (isFirst) {
          onFirst();
          if (text === null) clock.promptStart();
        }
        isFirst = false;
        writer.write(piece, tokens);
      },
    });
    // When the answer is cut, its end is awaited later or never.
    finished.catch(() => {});
    const outcome = await untilAborted(Promise.race([finished, writer.enough]), stop).catch((error: unknown) => {
      if (stop.aborted) return 'aborted' as const;
      throw error;
    });
    if (outcome === 'aborted' || outcome === 'stop' || outcome === 'too-large') {
      writer.mute();
      // `close` aborts and then closes; only now it shows which of the two this was.
      await Promise.resolve();
      if (isClosed) throw closedError();
      return { reason: outcome === 'aborted' ? 'aborted' : 'stop', cut: true, finished };
    }
    if (isFirst) onFirst();
    const { truncation, forged } = outcome;
    if (forged && !isLast) {
      settings.log('The model wrote what gemma.cpp prints for an empty prompt; the process is replaced.');
      await end(process, abortedError());
    }
    if (truncation !== null) writer.prompt(truncation.promptTokens, 0);
    writer.flush();
    if (writer.written.includes('\uFFFD')) {
      settings.log('The answer holds characters that gemma.cpp cannot give whole: it decodes each byte of them alone.');
    }
    const tokensMax = Math.min(chosen.maxTokens, truncation?.answerTokensMax ?? Number.POSITIVE_INFINITY);
    // Nothing tells the end by limit from the model's own; the end of the turn is no token that is written.
    return { reason: writer.tokens >= tokensMax ? 'length' : 'stop', cut: false, finished };
  }

  return {
    implementation: mode === 'one-shot' ? 'legacy' : 'optimized',
    async generate(request, turn) {
      const writer = createAnswerWriter(request, turn, settings.responseBytesMax);
      try {
        const { config, model } = await inspect(request.model, request.contextTokens, turn.stop);
        checkCapabilities(request, model);
        checkSampling(request);
        const load = reportLoad(request.model.name, turn);
        const reason = await trimming(request, writer, (given) => {
          const prompt = preparePrompt(given, config);
          const chosen = settingsOf(request, model.contextTokens, prompt.form);
          const parts: AnswerParts = { request, turn, prompt, chosen, writer, load };
          // Chance comes from a generator that goes on through the life of a process; only a fresh one repeats itself.
          const needsFresh = prompt.form === 'file' || (request.reproducible && chosen.topK > 1);
          return mode === 'one-shot' || needsFresh ? answerOnce(parts) : answerWarm(parts);
        });
        if (reason === 'stop' && (await settledTooLarge(writer))) throw tooLarge(settings.responseBytesMax);
        turn.emit(writer.end(reason));
      } catch (error) {
        if (isClosed) throw closedError();
        if (!turn.signal.aborted || !isGemmaError(error)) throw error;
        turn.emit(writer.end('aborted'));
      }
    },
    async describe(file, contextTokens, signal) {
      const { config, model } = await inspect(file, contextTokens, signal);
      const form = config.wrapping === 'base' ? 'line' : 'block';
      const chosen = settingsOf(
        { model: file, maxTokens: requestDefaults.maxTokens, sampling: requestDefaults },
        model.contextTokens,
        form,
      );
      if (mode === 'one-shot') {
        const { process } = await start(file, chosen, { signal, isReproducible: false, promptFile: null });
        await end(process, abortedError());
        return model;
      }
      // A process of other settings has the model loaded as well.
      const isLoaded =
        warm !== undefined &&
        !warm.process.ended &&
        warm.settings.path === file.path &&
        warm.settings.contextTokens === model.contextTokens;
      if (!isLoaded) rest(await wake(file, chosen, '', signal, { begins() {}, ends() {} }));
      return model;
    },
    async countTokens(file, prompt, contextTokens, signal) {
      const { config } = await inspect(file, contextTokens, signal);
      preparePrompt(prompt, config);
      return null;
    },
    processes() {
      return [...running.values()].map(({ process, name, contextTokens, isLoaded }) => {
        const model = warm?.process === process ? warm : undefined;
        const isIdle = model !== undefined && !model.isBusy && model.draining === undefined;
        return {
          pid: process.pid,
          model: name,
          state: isLoaded ? (isIdle ? ('idle' as const) : ('busy' as const)) : ('loading' as const),
          runtime: 'gemma.cpp',
          threads: settings.threads,
          threadsReason: 'gemma.cpp computes on as many threads as it was started with',
          contextTokens,
          slots: 1,
          busySlots: isLoaded && !isIdle ? 1 : 0,
          // It remembers its conversation, and tells no counts.
          cachedTokens: null,
          memoryBytes: residentBytes(process.pid),
          until: model?.idle.until ?? null,
        };
      });
    },
    async close() {
      isClosed = true;
      warm?.idle.stop();
      warm = undefined;
      await Promise.all([...running.keys()].map((process) => end(process, closedError())));
    },
  };
}

interface StartOptions {
  readonly signal: AbortSignal;
  /** Whether choices by chance repeat themselves in every process. */
  readonly isReproducible: boolean;
  readonly promptFile: string | null;
}

interface StartedProcess {
  readonly process: GemmaProcess;
  readonly endLine: string | null;
  /** When it was spawned, in milliseconds of the monotonic clock. */
  readonly begin: number;
  readonly loadMs: number;
}

/** What one attempt at an answer needs. */
interface AnswerParts {
  readonly request: ResolvedRequest;
  readonly turn: Turn;
  readonly prompt: PreparedPrompt;
  readonly chosen: ProcessSettings;
  readonly writer: AnswerWriter;
  readonly load: LoadReport;
}

/** Tells of the load of one request, once, however many attempts there are. */
interface LoadReport {
  begins(): void;
  ends(loadMs: number): void;
}

function reportLoad(model: string, { clock, emit }: Pick<Turn, 'clock' | 'emit'>): LoadReport {
  let state: 'cold' | 'loading' | 'loaded' = 'cold';
  return {
    begins() {
      if (state !== 'cold') return;
      state = 'loading';
      emit({ type: 'load-start', model });
    },
    ends(loadMs) {
      if (state !== 'loading') return;
      state = 'loaded';
      clock.loaded(loadMs);
      emit({ type: 'load-end', model, loadMs });
    },
  };
}

/** Options that were chosen otherwise than by default and cannot take effect. */
function idleOptions(settings: GemmaCppSettings, mode: GemmaCppHostOptions['mode']): readonly string[] {
  const { compactCache, slots, memoryBytesMax, growthBytesMax } = settings;
  const chosen = [
    { name: 'compactCache', isChosen: compactCache },
    // The legacy engine has none of these for any weights.
    { name: 'slots', isChosen: mode === 'repl' && slots !== null && slots > 1 },
    { name: 'memoryBytesMax', isChosen: mode === 'repl' && memoryBytesMax !== null },
    { name: 'growthBytesMax', isChosen: mode === 'repl' && growthBytesMax !== engineDefaults.growthBytesMax },
  ];
  return chosen.flatMap(({ name, isChosen }) => (isChosen ? [name] : []));
}

/**
 * Refuses what was asked for and the executable has no flag for: it would be lost in silence. Every other flag that
 * something depends on is one that an executable is not taken without.
 *
 * @throws GemmaError `OPTION_UNSUPPORTED`.
 */
function checkFlags(
  { flags, path }: GemmaExecutable,
  { isReproducible, areThreadsGiven }: { readonly isReproducible: boolean; readonly areThreadsGiven: boolean },
): void {
  const needs = [
    {
      flag: 'deterministic',
      option: 'reproducible',
      isAsked: isReproducible,
      instead: 'temperature 0, or leave it out',
    },
    { flag: 'num_threads', option: 'threads', isAsked: areThreadsGiven, instead: 'engine.threads auto' },
  ];
  for (const { flag, option, isAsked, instead } of needs) {
    if (!isAsked || flags.has(flag)) continue;
    throw new GemmaError({
      code: 'OPTION_UNSUPPORTED',
      message: `Expected the gemma.cpp at ${path} to know --${flag}, which ${option} needs, and its help lacks it. Use ${instead}, or build the current main branch.`,
      facts: { option, flag, path },
    });
  }
}

/** What the weights are, and what gemma.cpp can do with them: the flags for it are those that no executable may lack. */
async function inspect(
  file: Required<ModelFile>,
  contextTokens: number,
  signal: AbortSignal,
): Promise<{ readonly config: SbsConfig; readonly model: LoadedModel }> {
  const config = await untilAborted(readSbsConfig(file.path), signal);
  const { family, wrapping, contextTokensMax } = config;
  if (wrapping === 'paligemma' || (wrapping !== 'base' && !knownFamilies.has(family))) {
    const what = wrapping === 'paligemma' ? 'PaliGemma, which answers questions about pictures' : `Gemma ${family}`;
    throw new GemmaError({
      code: 'MODEL_UNSUPPORTED',
      message: `The weights in ${file.path} are of ${what}; with gemma.cpp this program runs Gemma 1 to 3. Use a .gguf model.`,
      facts: { path: file.path, family, wrapping },
    });
  }
  return {
    config,
    model: {
      architecture: `gemma${family}`,
      contextTokens: Math.min(contextTokens, contextTokensMax),
      trainContextTokens: contextTokensMax,
      batchTokens: 256,
      capabilities: {
        seed: false,
        stopStrings: true,
        topP: false,
        minP: false,
        repeatPenalty: false,
        extendedSampling: false,
        perRequestSampling: true,
        tokenCounts: false,
        inBandAbort: false,
        schema: false,
        logprobs: false,
        speculation: false,
        embeddings: false,
        ranking: false,
        savedState: false,
        chat: wrapping !== 'base',
      },
      runtime: { name: 'gemma.cpp', version: null },
      embedding: null,
    },
  };
}

async function findAndProbe(settings: GemmaCppSettings, signal: AbortSignal): Promise<GemmaExecutable> {
  const { lookedAt, candidates } = await findExecutables(settings);
  const problems: GemmaError[] = [];
  for (const path of candidates) {
    try {
      return await probeExecutable(path, { env: settings.env, timeoutMs: settings.loadMsMax, signal });
    } catch (error) {
      if (!isGemmaError(error) || error.code === 'ABORTED' || settings.gemmaExecutable !== null) throw error;
      problems.push(error);
    }
  }
  throw (
    problems.find(({ facts }) => facts['isGemmaCpp'] === true) ??
    notInstalled(lookedAt, 'none of the programs of its name is gemma.cpp')
  );
}

/** Whether the request goes on where the process's conversation ended. */
function continues(conversation: readonly ChatTurn[] | null, turns: readonly ChatTurn[]): boolean {
  if (conversation === null || turns.length !== conversation.length + 1 || conversation.length === 0) return false;
  // An answer's outer white space is often trimmed before it is kept.
  return conversation.every(
    ({ user, assistant }, index) =>
      turns[index]?.user === user && turns[index].assistant?.trim() === neutralAnswer(assistant),
  );
}

function neutralAnswer(assistant: string | null): string | undefined {
  return assistant === null ? undefined : neutralise(assistant).trim();
}

function nextTokens(prompt: PreparedPrompt, count: (text: string) => number): number {
  return count(renderTurns(prompt.turns.slice(-1))) + templateTokens;
}

/** Asks, and asks again with a shorter prompt as long as the runtime refuses its length and the request allows that. */
async function trimming(
  request: ResolvedRequest,
  writer: AnswerWriter,
  ask: (prompt: Prompt) => Promise<FinishReason>,
): Promise<FinishReason> {
  let { prompt } = request;
  let before: number | undefined;
  let messagesDropped = 0;
  for (;;) {
    try {
      return await ask(prompt);
    } catch (error) {
      const isTooLong = isGemmaError(error) && error.code === 'CONTEXT_EXCEEDED';
      if (!isTooLong || request.onContextOverflow === 'refuse') throw error;
      const { promptTokens, contextTokens } = error.facts as { promptTokens: number; contextTokens: number };
      const shorter = trimPrompt(prompt, promptTokens, contextTokens);
      if (shorter === undefined) throw error;
      before ??= promptTokens;
      messagesDropped += shorter.messagesDropped;
      prompt = shorter.prompt;
      writer.trimmed(trimEvent(before, shorter.tokensAfter, messagesDropped));
    }
  }
}

/** Whether the answer was cut because it grew too large. */
async function settledTooLarge(writer: AnswerWriter): Promise<boolean> {
  return (await Promise.race([writer.enough, Promise.resolve('whole')])) === 'too-large';
}

/** Sampling that gemma.cpp cannot do, beyond what capabilities tell. */
function checkSampling({ sampling, model }: ResolvedRequest): void {
  if (sampling.temperature > 0 && sampling.topK === 0) {
    throw new GemmaError({
      code: 'OPTION_UNSUPPORTED',
      message: 'gemma.cpp cannot choose among all tokens. Expected topK to be at least 1, got 0.',
      facts: { option: 'topK', model: model.name },
    });
  }
}

/** A file that was replaced under the same path is another model. */
async function processKey(settings: ProcessSettings): Promise<string> {
  const facts = await stat(settings.path).catch(() => undefined);
  return JSON.stringify([settings, facts?.size, facts?.mtimeMs, facts?.ino]);
}

/** Puts a prompt into a file that only this user can read. */
async function writePromptFile(
  folder: string,
  text: string,
): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const place = await mkdtemp(join(folder, 'gemma-prompt-'));
  const path = join(place, 'prompt.txt');
  const remove = (): Promise<void> => rm(place, { recursive: true, force: true });
  try {
    await writeFile(path, text, { mode: 0o600 });
  } catch (error) {
    await remove();
    throw error;
  }
  return { path, remove };
}

/** Resident memory of a process. Only Linux tells without another process. */
function residentBytes(pid: number): number | null {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  } catch {
    // Another system, or a process that ended a moment ago.
    return null;
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
