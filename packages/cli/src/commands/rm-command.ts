import type { CommandDefinition } from '../command.ts';
import { openStore } from './open-store.ts';
import { formatBytes, printJson, printNotice } from './print.ts';

/** `gemma rm`: removes models. */
export const rmCommand: CommandDefinition = {
  name: 'rm',
  summary: 'Remove installed models.',
  arguments: [
    {
      name: 'NAME',
      summary: 'An installed name. The file of a linked model stays.',
      required: true,
      variadic: true,
      completes: 'models',
    },
  ],
  examples: [
    { command: 'gemma rm gemma3:270m', effect: 'removes a model and its file' },
    { command: 'gemma rm mine other', effect: 'removes two; the first that fails ends it' },
  ],
  async run(context, { arguments: names }) {
    const { store } = await openStore(context, { write: true });
    const removed = [];
    for (const name of names) {
      const model = await store.remove(name);
      removed.push(model);
      const fate = model.mode === 'linked' ? `the file ${model.path} stays` : `${formatBytes(model.sizeBytes)} freed`;
      printNotice(context, `${model.name} removed; ${fate}.`);
    }
    if (context.options.json) printJson(context.stdout, { removed });
    return 0;
  },
};
