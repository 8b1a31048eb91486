import { catalog } from '@gemma-cli/models';
import type { InstalledModel } from '@gemma-cli/models';
import type { CommandContext, CommandDefinition } from '../command.ts';
import { openStore } from './open-store.ts';
import { formatBytes, printJson, printNotice, printTable } from './print.ts';

/** `gemma list`: the installed models, or those that can be fetched by name. */
export const listCommand: CommandDefinition = {
  name: 'list',
  aliases: ['ls'],
  summary: 'List installed models.',
  options: [{ long: 'catalog', summary: 'List the models that `gemma pull NAME` can fetch instead.' }],
  examples: [
    { command: 'gemma list', effect: 'shows what is installed' },
    { command: 'gemma list --catalog', effect: 'shows what can be fetched by name' },
    { command: 'gemma ls --json', effect: 'the same as data' },
  ],
  async run(context, { options }) {
    if (options['catalog'] === true) return listCatalog(context);
    const { store } = await openStore(context, { write: false });
    const models = await store.list();
    if (context.options.json) {
      printJson(context.stdout, { models });
      return 0;
    }
    if (models.length === 0) {
      printNotice(context, 'No model is installed. Fetch one with `gemma pull gemma3:270m`.');
      return 0;
    }
    printTable(
      context.stdout,
      ['NAME', 'SIZE', 'QUANTIZATION', 'CONTEXT', 'KIND', 'STATE'],
      models.map((model) => [
        model.name,
        formatBytes(model.sizeBytes),
        model.quantization ?? '?',
        model.trainContextTokens === null ? '?' : String(model.trainContextTokens),
        kindOf(model),
        model.problem ?? (model.mode === 'linked' ? 'linked' : 'ok'),
      ]),
    );
    return 0;
  },
};

/** What a model does, in one word. */
export function kindOf({ chat, embedding }: Pick<InstalledModel, 'chat' | 'embedding'>): 'chat' | 'base' | 'embedding' {
  return embedding ? 'embedding' : chat ? 'chat' : 'base';
}

function listCatalog({ stdout, options }: CommandContext): number {
  if (options.json) {
    printJson(stdout, { catalog });
    return 0;
  }
  printTable(
    stdout,
    ['NAME', 'SIZE', 'KIND', 'CONTEXT', 'TERMS', 'SUMMARY'],
    catalog.map((entry) => [
      entry.name,
      `about ${formatBytes(entry.sizeBytes)}`,
      entry.kind,
      String(entry.contextTokens),
      entry.licence.name,
      entry.summary,
    ]),
  );
  return 0;
}
