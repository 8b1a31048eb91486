import type { InstalledModel } from '@gemma-cli/models';
import type { CommandDefinition } from '../command.ts';
import { kindOf } from './list-command.ts';
import { localPath } from './local-path.ts';
import { openStore } from './open-store.ts';
import { formatBytes, printJson, printLine, printNotice } from './print.ts';

/** `gemma show`: what is known of one model. */
export const showCommand: CommandDefinition = {
  name: 'show',
  summary: 'Show what is known of a model.',
  arguments: [
    {
      name: 'MODEL',
      summary: 'An installed name, or a .gguf or .sbs file.',
      required: true,
      completes: 'models-or-files',
    },
  ],
  options: [{ long: 'verify', summary: 'Hash the file again and compare. Reads all of it.' }],
  examples: [
    { command: 'gemma show gemma3:270m', effect: 'shows size, context, source, hash and terms' },
    { command: 'gemma show ./model.gguf', effect: 'checks the header of a file and shows it' },
    { command: 'gemma show gemma3:270m --verify', effect: 'exits 7 when a byte has changed' },
  ],
  async run(context, { arguments: [reference = ''], options }) {
    const { store } = await openStore(context, { write: false });
    const target = localPath(context.cwd, reference);
    const found = await store.find(target);
    const verified = options['verify'] === true ? await store.verify(target, { signal: context.signal }) : undefined;
    const model = verified?.model ?? found;
    if (context.options.json) {
      const { sha256, compared } = verified ?? {};
      printJson(context.stdout, { model, ...(verified === undefined ? {} : { verified: { sha256, compared } }) });
      return 0;
    }
    for (const [label, text] of describeModel(model)) printLine(context.stdout, `${label.padEnd(14)}${text}`);
    if (verified !== undefined) {
      printNotice(
        context,
        verified.compared
          ? 'The file has the hash that is expected of it.'
          : 'Nothing was known to compare with. The hash was taken now, and kept if the model is installed.',
      );
    }
    return 0;
  },
};

function describeModel(model: InstalledModel): readonly (readonly [string, string])[] {
  const { parameters, trainContextTokens, licence, problem } = model;
  return [
    ['name', model.name],
    ['file', model.path],
    ['size', `${formatBytes(model.sizeBytes)} (${model.sizeBytes} bytes)`],
    ['format', model.format],
    ['architecture', model.architecture],
    ['quantization', model.quantization ?? 'not told by the file'],
    ['parameters', parameters === null ? 'not told by the file' : millions(parameters)],
    ['context', trainContextTokens === null ? 'not told by the file' : `${trainContextTokens} tokens`],
    ['kind', { chat: 'chat', base: 'base: completes text', embedding: 'embedding' }[kindOf(model)]],
    ['source', `${model.source} (${model.mode} ${model.installedAt})`],
    ['sha256', model.sha256 === null ? 'never taken; see --verify' : `${model.sha256} (${hashSource(model)})`],
    ['terms', licence === null ? 'not known' : [licence.name, licence.url, licence.path].filter(Boolean).join(', ')],
    ...(problem === null ? [] : [['problem', problem] as const]),
  ];
}

function millions(parameters: number): string {
  return parameters >= 1e9 ? `${(parameters / 1e9).toFixed(2)} billion` : `${Math.round(parameters / 1e6)} million`;
}

function hashSource({ hashSource: source }: InstalledModel): string {
  switch (source) {
    case 'package':
      return 'said by the package it came from';
    case 'hub':
      return 'said by the hub it came from';
    case 'caller':
      return 'given at the pull';
    case 'computed':
    case null:
      return 'taken of the bytes as they came';
  }
}
