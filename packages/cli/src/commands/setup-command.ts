import { totalmem } from 'node:os';
import { chooseModel } from '@gemma-cli/app';
import { getConfigValue, homeLayout, setConfigValue } from '@gemma-cli/config';
import { GemmaError, isGemmaError } from '@gemma-cli/contracts';
import { catalog, findInCatalog } from '@gemma-cli/models';
import type { CatalogEntry, InstalledModel } from '@gemma-cli/models';
import type { CommandContext, CommandDefinition } from '../command.ts';
import type { CommandServices } from '../command-services.ts';
import { createAsker, type Asker } from './ask-on-terminal.ts';
import { listRuntimes } from './find-runtime.ts';
import { planLlamaRuntime, thisMachine } from './llama-runtime-packages.ts';
import { openStore } from './open-store.ts';
import { setupModels, type SetupModel } from './plan-setup.ts';
import { formatBytes, printJson, printLine, printNotice } from './print.ts';
import { pullModel } from './pull-command.ts';
import { runtimeCommand } from './runtime-command.ts';
import { usageError } from './usage-error.ts';

/** What the set-up looks at beside the home folder. */
export interface SetupMachine {
  /** Whether a native runtime is there. Default: what `gemma runtime list` shows. */
  readonly hasRuntime?: ((home: string) => Promise<boolean>) | undefined;
  /** Bytes of memory that processes here may use. Default: what the machine has, or the container allows. */
  readonly memoryBytes?: number | undefined;
  /** Models to choose from. Default: the catalog. */
  readonly models?: readonly CatalogEntry[] | undefined;
}

/** What is to be done; `undefined` = nothing of this kind. */
interface Choice {
  /** Reference to pull. */
  readonly model: string | undefined;
  readonly runtime: boolean;
  /** New value of `ui.history`. */
  readonly history: boolean | undefined;
}

/** `gemma setup`: a model, the runtime and one preference, asked in three questions at most. */
export function setupCommand(
  { worker }: Pick<CommandServices, 'worker'>,
  machine: SetupMachine = {},
): CommandDefinition {
  // A model process of a test brings its own runtime.
  const {
    hasRuntime = async (home) => worker !== undefined || (await listRuntimes(home)).some(({ active }) => active),
    memoryBytes = availableMemoryBytes(),
    models: offered = catalog,
  } = machine;
  return {
    name: 'setup',
    summary: 'Set up what a first answer needs: a model, the runtime, one preference.',
    options: [
      { long: 'yes', short: 'y', summary: 'Ask nothing: choose for this machine and say what was chosen.' },
      {
        long: 'model',
        short: 'm',
        value: 'REFERENCE',
        completes: 'catalog',
        summary: 'Fetch this model, as `gemma pull` takes it, and do not ask for one.',
      },
    ],
    examples: [
      { command: 'gemma setup', effect: 'asks three questions at most; what is there already is not asked for' },
      {
        command: 'gemma setup --yes',
        effect: 'takes the model that suits the memory of this machine, and the runtime',
      },
      { command: 'gemma setup --yes --model gemma3:1b', effect: 'takes this model' },
    ],
    async run(context, { options }) {
      const { home } = context.options;
      const isUnattended = options['yes'] === true;
      const asked = options['model'];
      if (!isUnattended && (context.stdin.isTTY !== true || context.stderr.isTTY !== true)) {
        throw usageError(
          'Expected a terminal to ask on. Choose for this machine without questions: `gemma setup --yes`.',
        );
      }
      const { store, loaded } = await openStore(context, { write: true });
      const sound = (await store.list()).filter(({ problem }) => problem === null);
      const usable = sound.filter(({ chat, embedding }) => chat && !embedding);
      const present = sound.find(({ name }) => name === asked);
      if (typeof asked === 'string' && (present?.embedding ?? findInCatalog(asked, offered)?.kind === 'embedding'))
        throw embeddingError(asked, 'Nothing was set up');
      const plan = {
        needsModel: typeof asked === 'string' ? present === undefined : usable.length === 0,
        needsRuntime: !(await hasRuntime(home)),
        asksHistory: getConfigValue(loaded, 'ui.history').origin.source === 'default' && usable.length === 0,
        models: setupModels(offered, memoryBytes),
        memoryBytes,
        asked: typeof asked === 'string' ? asked : undefined,
      };
      const choice = isUnattended ? choose(context, plan) : await askFor(context, plan);
      if (choice === undefined) throw new GemmaError({ code: 'ABORTED', message: 'Nothing was set up.' });

      const silent = { ...context, stdout: context.stderr, options: { ...context.options, json: false } };
      // The runtime first: it is the smaller one, and says at once whether the network is there.
      if (choice.runtime) await runRuntimeInstall(silent);
      const pulled = choice.model === undefined ? undefined : await pullModel(silent, choice.model);
      if (pulled?.model.embedding === true)
        throw embeddingError(pulled.model.name, 'It is installed, and what answered before still does');
      const preferred = pulled?.model ?? present;
      if (preferred !== undefined) await preferModel(context, preferred, plan.asked !== undefined);
      if (choice.history !== undefined && choice.history !== getConfigValue(loaded, 'ui.history').value) {
        await setConfigValue({ file: homeLayout(home).config, key: 'ui.history', value: String(choice.history) });
      }
      const changed = { ...choice, model: pulled?.alreadyInstalled === false ? choice.model : undefined };
      return report(context, changed, { runtime: await hasRuntime(home) });
    },
  };
}

interface Plan {
  readonly needsModel: boolean;
  readonly needsRuntime: boolean;
  readonly asksHistory: boolean;
  readonly models: readonly SetupModel[];
  readonly memoryBytes: number;
  readonly asked: string | undefined;
}

/** What is chosen when nobody can be asked. */
function choose(context: CommandContext, { needsModel, needsRuntime, models, memoryBytes, asked }: Plan): Choice {
  const recommended = models.find((model) => model.recommended);
  const model = needsModel ? (asked ?? recommended?.name) : undefined;
  if (model !== undefined && asked === undefined) {
    printNotice(
      context,
      `Chosen: ${model}, about ${formatBytes(recommended?.sizeBytes ?? 0)}: this machine has ${formatBytes(memoryBytes)} of memory.`,
    );
  }
  if (needsRuntime) printNotice(context, 'Chosen: the llama.cpp runtime for the processor.');
  return { model, runtime: needsRuntime, history: undefined };
}

/** Asks what is open, and nothing else. `undefined`: the user left. */
async function askFor(context: CommandContext, plan: Plan): Promise<Choice | undefined> {
  const { needsModel, needsRuntime, asksHistory, asked } = plan;
  if (!needsRuntime && (!needsModel || asked !== undefined) && !asksHistory) {
    return { model: needsModel ? asked : undefined, runtime: false, history: undefined };
  }
  const asker = createAsker(context);
  try {
    let model = asked;
    if (needsModel && asked === undefined) {
      const answer = await askForModel(context, asker, plan);
      if (answer === undefined) return undefined;
      model = answer === 'none' ? undefined : answer;
    }
    let runtime = false;
    if (needsRuntime) {
      const size = formatBytes(planLlamaRuntime(thisMachine(), undefined).aboutBytes);
      const answer = await askYesOrNo(asker, `Install what computes, llama.cpp, about ${size}, with your npm? [Y/n] `);
      if (answer === undefined) return undefined;
      runtime = answer;
    }
    let history: boolean | undefined;
    if (asksHistory) {
      history = await askYesOrNo(asker, 'Keep what you type in chats on this machine, to find it again? [Y/n] ');
      if (history === undefined) return undefined;
    }
    return { model: needsModel ? model : undefined, runtime, history };
  } finally {
    asker.close();
  }
}

async function askForModel(
  context: CommandContext,
  asker: Asker,
  { models, memoryBytes }: Plan,
): Promise<string | undefined> {
  const { stderr } = context;
  printLine(stderr, `Which model? This machine has ${formatBytes(memoryBytes)} of memory.`);
  for (const [index, { name, sizeBytes, summary, recommended }] of models.entries()) {
    const size = `download about ${formatBytes(sizeBytes)}`;
    printLine(
      stderr,
      `  ${index + 1}  ${name.padEnd(12)} ${size.padEnd(24)} ${summary}${recommended ? ' (recommended)' : ''}`,
    );
  }
  printLine(stderr, '  n  none now');
  const best = models.findIndex((model) => model.recommended);
  for (;;) {
    const answer = await asker.ask(`Number or name [${best + 1}]: `);
    if (answer === undefined) return undefined;
    if (answer === '') return models[best]?.name ?? 'none';
    if (/^(n|no|none)$/i.test(answer)) return 'none';
    const chosen = models[Number(answer) - 1]?.name ?? models.find(({ name }) => name === answer.toLowerCase())?.name;
    if (chosen !== undefined) return chosen;
    printLine(stderr, `Expected a number from 1 to ${models.length}, a name of the list, or n.`);
  }
}

async function askYesOrNo(asker: Asker, question: string): Promise<boolean | undefined> {
  for (;;) {
    const answer = await asker.ask(question);
    if (answer === undefined) return undefined;
    if (/^(y|yes|)$/i.test(answer)) return true;
    if (/^(n|no)$/i.test(answer)) return false;
  }
}

async function runRuntimeInstall(context: CommandContext): Promise<void> {
  const install = runtimeCommand.subcommands?.find(({ name }) => name === 'install');
  await install?.run?.(context, { arguments: ['llama'], options: { yes: true } });
}

/** The model that was chosen answers from now on. One that was not named stands behind what the user has said before. */
async function preferModel(context: CommandContext, { name }: InstalledModel, isNamed: boolean): Promise<void> {
  const { store, loaded } = await openStore(context, { write: true });
  const isDefault = getConfigValue(loaded, 'gemma.default_model').origin.source === 'default';
  if (!isDefault && !isNamed) return;
  if (isDefault && (await chooseModel(store, 'auto')).name === name) return;
  await setConfigValue({ file: homeLayout(context.options.home).config, key: 'gemma.default_model', value: name });
}

/** A model that turns text into numbers would make every prompt an error. */
function embeddingError(name: string, consequence: string): GemmaError {
  return new GemmaError({
    code: 'MODEL_UNSUPPORTED',
    message: `Expected a model that answers, got ${name}, an embedding model. ${consequence}. Choose another with \`gemma setup --model gemma3:270m\`; \`gemma pull\` fetches one for vectors.`,
    facts: { model: name },
  });
}

/** Says whether a prompt can be answered now. */
async function report(context: CommandContext, choice: Choice, { runtime }: { runtime: boolean }): Promise<number> {
  const { store, loaded } = await openStore(context, { write: false });
  const { defaultModel } = loaded.config.gemma;
  const model = await chooseModel(store, defaultModel).catch((error: unknown) => {
    if (isGemmaError(error) && error.code === 'MODEL_NOT_FOUND') return undefined;
    throw error;
  });
  const ready = model !== undefined && runtime;
  if (context.options.json) {
    printJson(context.stdout, {
      ready,
      model: model?.name ?? null,
      runtime,
      history: getConfigValue(loaded, 'ui.history').value,
      changed: { model: choice.model ?? null, runtime: choice.runtime },
    });
  } else if (ready)
    printNotice(context, `Ready: ${model.name} answers. Try: gemma "Why is the sky blue?" or gemma chat`);
  else {
    if (model === undefined)
      printNotice(context, 'There is no model yet: `gemma pull gemma3:270m` fetches the smallest.');
    if (!runtime) printNotice(context, 'There is no runtime yet: `gemma runtime install llama` installs it.');
  }
  return 0;
}

/** What the container allows, or the machine has. */
function availableMemoryBytes(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
