import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { discoverModels } from '@gemma-cli/models';
import type { CommandContext, CommandDefinition } from '../command.ts';
import { nextStep } from './next-step.ts';
import { openStore } from './open-store.ts';
import { formatBytes, printJson, printNotice, printTable } from './print.ts';
import { usageError } from './usage-error.ts';

/** `gemma import`: uses a file that is already on this machine. */
export const importCommand: CommandDefinition = {
  name: 'import',
  summary: 'Use a model file that is already on this machine.',
  arguments: [
    {
      name: 'FILE',
      summary: 'A .gguf or .sbs file. Default: list what Ollama and LM Studio have downloaded.',
      completes: 'files',
    },
  ],
  options: [
    { long: 'link', summary: 'Use the file where it lies. The default: it costs no space.' },
    { long: 'copy', summary: 'Copy the file into the home folder, so that it stays when the other one goes.' },
    { long: 'name', value: 'NAME', summary: 'Install under this name. Default: made from the name of the file.' },
  ],
  examples: [
    { command: 'gemma import', effect: 'lists models of Ollama and LM Studio, headers checked' },
    { command: 'gemma import ./model.gguf --name mine', effect: 'uses a file where it lies, as mine' },
    { command: 'gemma import ./model.gguf --copy', effect: 'copies it into the home folder' },
  ],
  async run(context, { arguments: [file], options }) {
    if (options['link'] === true && options['copy'] === true) {
      throw usageError('Expected --link or --copy, got both. --link uses the file where it lies, --copy copies it.');
    }
    if (file === undefined) {
      const given = ['link', 'copy', 'name'].find((long) => options[long] !== undefined);
      if (given !== undefined) throw usageError(`Expected FILE with --${given}, got none. Name the file to import.`);
      return listFound(context);
    }
    const { store } = await openStore(context, { write: true });
    const name = options['name'];
    const model = await store.importFile(resolve(context.cwd, file), {
      mode: options['copy'] === true ? 'copy' : 'link',
      name: typeof name === 'string' ? name : undefined,
      signal: context.signal,
    });
    if (context.options.json) printJson(context.stdout, { model });
    else printNotice(context, `${model.name} is ${model.mode}: ${model.path}. ${nextStep(model)}`);
    return 0;
  },
};

async function listFound(context: CommandContext): Promise<number> {
  const { env, stdout, options } = context;
  const osHome = env['HOME'] ?? env['USERPROFILE'] ?? homedir();
  const found = await discoverModels({ home: osHome, env });
  if (options.json) {
    printJson(stdout, { found });
    return 0;
  }
  if (found.length === 0) {
    printNotice(context, 'Neither Ollama nor LM Studio has a model here. Fetch one with `gemma pull gemma3:270m`.');
    return 0;
  }
  printTable(
    stdout,
    ['FROM', 'NAME', 'SIZE', 'STATE', 'FILE'],
    found.map(({ from, name, sizeBytes, problem, path }) => [
      from === 'ollama' ? 'Ollama' : 'LM Studio',
      name,
      formatBytes(sizeBytes),
      problem === null ? 'ok' : problem,
      path,
    ]),
  );
  printNotice(context, 'Use one with `gemma import FILE --name NAME`.');
  return 0;
}
