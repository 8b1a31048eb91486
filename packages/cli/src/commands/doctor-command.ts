import { constants, existsSync } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { chooseModel, createApp } from '@gemma-cli/app';
import type { Client } from '@gemma-cli/app';
import {
  engineOptionsOf,
  getConfigValue,
  homeLayout,
  configKeys,
  loadConfig,
  memoryOptionsOf,
  requestOptionsOf,
} from '@gemma-cli/config';
import type { LoadedConfig } from '@gemma-cli/config';
import { errorCodes, GemmaError, toGemmaError } from '@gemma-cli/contracts';
import type { ErrorCode, MemoryStats, MemoryStore, Resolution } from '@gemma-cli/contracts';
import { availableCores } from '@gemma-cli/model-process';
import type { AvailableCores } from '@gemma-cli/model-process';
import type { InstalledModel, ModelStore } from '@gemma-cli/models';
import type { CommandContext, CommandDefinition } from '../command.ts';
import type { CommandServices } from '../command-services.ts';
import { createEngine } from '../runtime/create-engine.ts';
import { createMemory } from '../runtime/create-memory.ts';
import { estimateMemoryBytes } from './estimate-memory.ts';
import { findRuntime, listRuntimes } from './find-runtime.ts';
import { llamaVersion } from './llama-runtime-packages.ts';
import { storeOf } from './open-store.ts';
import { countOf, formatBytes, printJson, printLine } from './print.ts';

/** What became of one check. */
export interface DoctorCheck {
  readonly name: string;
  /** `ok`; `warning`: worth knowing; `problem`: a prompt cannot be answered. */
  readonly status: 'ok' | 'warning' | 'problem';
  /** One sentence: what was found and, where something is wrong, what to do. */
  readonly message: string;
  /** Of a problem: its error code. */
  readonly code?: ErrorCode;
  /** Numbers, names and paths behind the sentence. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** `gemma doctor`: whether a prompt can be answered here, and if not, why. */
export function doctorCommand(services: Pick<CommandServices, 'worker'>): CommandDefinition {
  return {
    name: 'doctor',
    summary: 'Check whether a prompt can be answered here, and why not.',
    options: [
      { long: 'no-try', summary: 'Do not load the model: then the exit code says only that nothing is missing.' },
      { long: 'verify', summary: 'Hash every installed model again. Reads all of their bytes.' },
    ],
    examples: [
      { command: 'gemma doctor', effect: 'checks everything and answers one token; exits 0 if that works' },
      { command: 'gemma doctor --verify', effect: 'also compares the hash of every model' },
      { command: 'gemma doctor --json --no-try', effect: 'the facts as data, without loading a model' },
    ],
    async run(context, { options }) {
      const checks: DoctorCheck[] = [];
      for await (const check of examine(context, services, {
        isTried: options['try'] !== false,
        isVerified: options['verify'] === true,
      })) {
        checks.push(check);
        if (!context.options.json) printCheck(context, check);
      }
      const blocker = checks.find((check) => check.status === 'problem');
      const exitCode = blocker === undefined ? 0 : errorCodes[blocker.code ?? 'INTERNAL'].exitCode;
      if (context.options.json) printJson(context.stdout, { ok: blocker === undefined, exitCode, checks });
      return exitCode;
    },
  };
}

interface Thoroughness {
  readonly isTried: boolean;
  readonly isVerified: boolean;
}

/** The checks, in the order in which a prompt would meet them. */
async function* examine(
  context: CommandContext,
  services: Pick<CommandServices, 'worker'>,
  { isTried, isVerified }: Thoroughness,
): AsyncGenerator<DoctorCheck> {
  const { env, cwd, options } = context;
  yield checkNode();
  yield await checkHome(options.home);

  let loaded: LoadedConfig;
  try {
    loaded = await loadConfig({ home: options.home, cwd, env });
  } catch (error) {
    yield problem('configuration', error);
    return;
  }
  yield checkConfig(loaded);
  const cores = availableCores();
  yield checkCores(cores, loaded);

  const runtimeFolder = await findRuntime(options.home);
  // A worker of a test brings its own runtime.
  const runtimeCheck = services.worker === undefined ? await checkRuntimes(options.home) : undefined;
  if (runtimeCheck !== undefined) yield runtimeCheck;
  yield await checkExecutable(loaded.config.gemma.executablePath);

  const store = storeOf(context, loaded);
  const models = await store.list();
  yield* checkModels(store, models, isVerified, context.signal);

  const log: string[] = [];
  const makeEngine = () =>
    createEngine({
      ...engineOptionsOf(loaded.config, homeLayout(options.home).states),
      implementation: loaded.config.performance.useOptimizedGemma ? 'optimized' : 'legacy',
      worker: services.worker,
      runtimeFolder: runtimeFolder ?? undefined,
      log: (line) => log.push(line),
    });
  const engineCheck = await checkEngine(makeEngine);
  yield engineCheck;
  // Where nothing was ever remembered, there is nothing to look at.
  if (existsSync(join(homeLayout(options.home).memory, 'record.db'))) yield await checkRemembered(options.home, loaded);

  const model = await findDefaultModel(store, loaded);
  if ('status' in model) {
    yield model;
    return;
  }
  yield checkMemory(model, loaded);
  if (!isTried || runtimeCheck?.status === 'problem' || engineCheck.status === 'problem') return;
  const defaults = { model: loaded.config.gemma.defaultModel, options: requestOptionsOf(loaded) };
  const app = createApp({ engine: makeEngine, models: store, defaults });
  try {
    yield await tryPrompt(app, { log, signal: context.signal });
  } finally {
    await app.close();
  }
}

function checkNode(): DoctorCheck {
  const version = process.versions.node;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNewEnough = major > 20 || (major === 20 && minor >= 19);
  const facts = { version, needed: '20.19', platform: process.platform, arch: process.arch };
  if (isNewEnough)
    return { name: 'node', status: 'ok', message: `Node ${version} on ${process.platform} ${process.arch}`, facts };
  return {
    name: 'node',
    status: 'problem',
    code: 'UNSUPPORTED',
    message: `Expected Node 20.19 or newer, got ${version}. Install a current one from nodejs.org.`,
    facts,
  };
}

async function checkHome(home: string): Promise<DoctorCheck> {
  const found = await stat(home).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    return error;
  });
  if (found === null) {
    return {
      name: 'home',
      status: 'ok',
      message: `${home} does not exist yet; it is made when it is needed`,
      facts: { home, exists: false },
    };
  }
  if (found instanceof Error) {
    return problem(
      'home',
      new GemmaError({ code: 'FILE_UNREADABLE', message: `Expected to read ${home}: ${found.message}.`, cause: found }),
    );
  }
  const mode = (found.mode & 0o777).toString(8).padStart(4, '0');
  const owner = process.getuid?.();
  const facts = { home, exists: true, mode, owner: found.uid };
  if (owner !== undefined && found.uid !== owner) {
    return {
      name: 'home',
      status: 'problem',
      code: 'HOME_NOT_PRIVATE',
      message: `${home} belongs to user ${found.uid} and not to you (${owner}). Set GEMMA_HOME to a folder of your own.`,
      facts,
    };
  }
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
    return {
      name: 'home',
      status: 'warning',
      message: `${home} is open to others (mode ${mode}); the next command that writes closes it`,
      facts,
    };
  }
  return { name: 'home', status: 'ok', message: `${home}, private to you`, facts };
}

function checkConfig(loaded: LoadedConfig): DoctorCheck {
  const { origins, files, warnings } = loaded;
  const values = configKeys.map(({ key }) => getConfigValue(loaded, key));
  const changed = values.filter(({ origin }) => origin.source !== 'default');
  const shown = changed.map(
    ({ key, value, origin }) =>
      `${key} = ${String(value)} (${origin.source}${origin.where === undefined ? '' : ` ${origin.where}`})`,
  );
  const settings = shown.length === 0 ? 'every value is built in' : shown.join('; ');
  return {
    name: 'configuration',
    status: warnings.length === 0 ? 'ok' : 'warning',
    message: warnings.length === 0 ? settings : `${settings}. ${warnings.join(' ')}`,
    facts: { files, origins, values: Object.fromEntries(values.map(({ key, value }) => [key, value])), warnings },
  };
}

function checkCores(cores: AvailableCores, { config, origins }: LoadedConfig): DoctorCheck {
  const configured = config.engine.threads;
  const threads = configured === 'auto' ? cores.cores : configured;
  const why =
    configured === 'auto'
      ? cores.reason
      : `set by ${origins['engine.threads']?.where ?? 'engine.threads'}; available: ${cores.reason}`;
  const facts = { ...cores, threads, configured };
  if (threads <= cores.cores) return { name: 'threads', status: 'ok', message: `${threads}: ${why}`, facts };
  return {
    name: 'threads',
    status: 'warning',
    message: `${threads}, more than the ${cores.cores} available: answers become many times slower. ${why}. Set engine.threads to auto`,
    facts,
  };
}

async function checkRuntimes(home: string): Promise<DoctorCheck> {
  const runtimes = await listRuntimes(home);
  const used = runtimes.find(({ active }) => active);
  const facts = { runtimes, wanted: llamaVersion };
  if (used === undefined) {
    return {
      name: 'runtime',
      status: 'problem',
      code: 'RUNTIME_NOT_INSTALLED',
      message: 'llama.cpp is not installed. Run `gemma runtime install llama`.',
      facts,
    };
  }
  const place = used.folder ?? 'beside this program';
  const others = runtimes.length > 1 ? `; ${runtimes.length - 1} more in \`gemma runtime list\`` : '';
  const release = used.llamaCppRelease === null ? '' : ` ${used.llamaCppRelease}`;
  const message = `llama.cpp${release} by node-llama-cpp ${used.version}, ${place}${others}`;
  if (used.version === llamaVersion) return { name: 'runtime', status: 'ok', message, facts };
  return {
    name: 'runtime',
    status: 'warning',
    message: `${message}; this version of gemma is tested with ${llamaVersion}: \`gemma runtime install llama\``,
    facts,
  };
}

async function checkExecutable(path: string | null): Promise<DoctorCheck> {
  const name = 'gemma.cpp';
  if (path === null)
    return { name, status: 'ok', message: 'no executable is set; .gguf models do not need one', facts: { path } };
  try {
    await access(path, constants.X_OK);
    if ((await stat(path)).isFile()) return { name, status: 'ok', message: path, facts: { path } };
  } catch (error) {
    const message = `${path} cannot be run: ${(error as Error).message}. Correct gemma.executable_path`;
    return { name, status: 'warning', message, facts: { path } };
  }
  return { name, status: 'warning', message: `${path} is no file. Correct gemma.executable_path`, facts: { path } };
}

async function* checkModels(
  store: ModelStore,
  models: readonly InstalledModel[],
  isVerified: boolean,
  signal: AbortSignal,
): AsyncGenerator<DoctorCheck> {
  for (const model of models) {
    const facts = {
      model: model.name,
      path: model.path,
      sha256: model.sha256,
      hashSource: model.hashSource,
      installedAt: model.installedAt,
    };
    const name = `model ${model.name}`;
    if (model.problem !== null) {
      yield { name, status: 'warning', message: model.problem, facts };
    } else if (isVerified) {
      yield await verify(store, model, signal);
    } else {
      const hash = model.sha256 === null ? 'its hash was never taken' : `its hash was checked when it was installed`;
      yield { name, status: 'ok', message: `${formatBytes(model.sizeBytes)}, header sound; ${hash}`, facts };
    }
  }
}

async function verify(store: ModelStore, model: InstalledModel, signal: AbortSignal): Promise<DoctorCheck> {
  const name = `model ${model.name}`;
  try {
    const { sha256, compared } = await store.verify(model.name, { signal });
    const message = compared ? `verified: ${sha256}` : `hash taken now, nothing to compare with: ${sha256}`;
    return { name, status: 'ok', message, facts: { model: model.name, path: model.path, sha256, compared } };
  } catch (error) {
    const { code, message, facts } = toGemmaError(error);
    if (code === 'ABORTED') throw error;
    return { name, status: 'warning', message: `${message} [${code}]`, facts: { ...facts, code } };
  }
}

type MakeEngine = () => ReturnType<typeof createEngine>;

/** Which implementation runs. Starts no process. */
async function checkEngine(makeEngine: MakeEngine): Promise<DoctorCheck> {
  const name = 'engine';
  try {
    const { engine, resolution } = await makeEngine();
    await engine.close();
    const { requested, active, reason } = resolution;
    const facts = resolutionFacts(resolution);
    if (reason === undefined) return { name, status: 'ok', message: active, facts };
    return { name, status: 'warning', message: `${active} instead of ${requested}: ${reason}`, facts };
  } catch (error) {
    return problem(name, error);
  }
}

/** A memory that cannot be opened costs an answer its passages, and no more. */
async function checkRemembered(home: string, { config }: LoadedConfig): Promise<DoctorCheck> {
  const name = 'remembered';
  // Damage is told once, by the opening that mends it: nobody would hear of it again.
  const log: string[] = [];
  const logged = () => (log.length === 0 ? {} : { log: log.slice(0, 20) });
  try {
    const { memory, resolution } = await createMemory({
      ...memoryOptionsOf(config, homeLayout(home).memory),
      consolidateEveryMs: 0,
      implementation: config.performance.useOptimizedRag ? 'optimized' : 'legacy',
      log: (line) => {
        if (!saysWhichMemory.test(line)) log.push(line);
      },
    });
    // What closing tells belongs to it.
    const { rows, documents } = await statsAtTheEnd(memory);
    const { requested, active, reason } = resolution;
    const facts = { ...resolutionFacts(resolution), documents, rows: rows.byKind, ...logged() };
    const { document, memory: memories } = rows.byKind;
    const found = `${countOf(documents, 'document')} in ${countOf(document, 'chunk')}, ${memories} ${memories === 1 ? 'memory' : 'memories'}`;
    const which = reason === undefined ? `${active}:` : `${active} instead of ${requested}: ${reason}.`;
    const message = `${which} ${found}${log.length === 0 ? '' : `. ${log.slice(0, 3).join(' ')}`}`;
    return { name, status: reason === undefined && log.length === 0 ? 'ok' : 'warning', message, facts };
  } catch (error) {
    const { code, message } = toGemmaError(error);
    return { name, status: 'warning', message, facts: { code, ...logged() } };
  }
}

async function statsAtTheEnd(memory: MemoryStore): Promise<MemoryStats> {
  try {
    return await memory.stats();
  } finally {
    await memory.close();
  }
}

/** What every opening logs: the facts have it. */
const saysWhichMemory = /^Using .*EmbeddedVectorStore\b/;

function resolutionFacts({ contract, requested, active, reason }: Resolution): Readonly<Record<string, unknown>> {
  return { contract, requested, active, ...(reason === undefined ? {} : { reason }) };
}

/** The model that a prompt would get, chosen as the app chooses it. Nothing is loaded. */
async function findDefaultModel(store: ModelStore, { config }: LoadedConfig): Promise<InstalledModel | DoctorCheck> {
  const reference = config.gemma.defaultModel;
  try {
    const chosen = await chooseModel(store, reference);
    return await store.find(reference === 'auto' ? chosen.name : reference);
  } catch (error) {
    return problem('default model', error);
  }
}

function checkMemory(model: InstalledModel, { config }: LoadedConfig): DoctorCheck {
  const neededBytes = estimateMemoryBytes(model, config.engine.contextTokens);
  const { freeBytes, totalBytes } = availableMemory();
  const facts = { model: model.name, neededBytes, freeBytes, totalBytes };
  const message = `${model.name} needs about ${formatBytes(neededBytes)}; ${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} are free`;
  if (neededBytes <= freeBytes) return { name: 'memory', status: 'ok', message, facts };
  const advice = 'Close programs, lower engine.context_tokens, or choose a smaller model (`gemma list --catalog`)';
  return { name: 'memory', status: 'warning', message: `${message}. ${advice}`, facts };
}

/** Bytes that this process may have: a container's limit counts, where Node can tell. */
function availableMemory(): { readonly freeBytes: number; readonly totalBytes: number } {
  const constrained = process.constrainedMemory();
  // Without a limit Node says 0, or a number beyond any machine.
  const totalBytes = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return { freeBytes: Math.min(process.availableMemory?.() ?? freemem(), totalBytes), totalBytes };
}

/** Loads the model and asks for one token: the only proof that a prompt can be answered. */
async function tryPrompt(
  app: Client,
  { log, signal }: { readonly log: readonly string[]; readonly signal: AbortSignal },
): Promise<DoctorCheck> {
  const name = 'answer';
  try {
    for await (const event of app.ask({ prompt: 'Hello', options: { maxTokens: 1 } }, { signal })) {
      if (event.type !== 'generation-end') continue;
      if (event.reason === 'aborted') throw new GemmaError({ code: 'ABORTED', message: 'Stopped.' });
      const { loadMs, totalMs } = event.timings;
      const facts = { usage: event.usage, timings: event.timings };
      return {
        name,
        status: 'ok',
        message: `one token in ${(totalMs / 1000).toFixed(2)} s, of which ${(loadMs / 1000).toFixed(2)} s to load`,
        facts,
      };
    }
    return problem(name, new Error('The engine ended without an end.'));
  } catch (error) {
    if (signal.aborted) throw error;
    const found = problem(name, error);
    return log.length === 0 ? found : { ...found, facts: { ...found.facts, log: log.slice(-20) } };
  }
}

/** The check for something that stops every prompt. */
function problem(name: string, error: unknown): DoctorCheck {
  const { code, message, facts } = toGemmaError(error);
  return { name, status: 'problem', code, message, facts };
}

const marks = { ok: 'ok', warning: 'warning', problem: 'PROBLEM' } as const;
const colors = { ok: 32, warning: 33, problem: 31 } as const;

function printCheck({ stdout, options }: CommandContext, { name, status, message, code }: DoctorCheck): void {
  const mark = marks[status].padEnd(8);
  stdout.write(options.color ? `\u001B[${colors[status]}m${mark}\u001B[39m` : mark);
  printLine(stdout, `${name}: ${message}${code === undefined ? '' : ` [${code}]`}`);
}
