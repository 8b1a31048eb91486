import type { IngestOperationEvent } from '@gemma-cli/app/memory';
import type { CommandContext, CommandDefinition, CommandInput } from '../command.ts';
import { memoryOption } from '../option-table.ts';
import { createIngestReporter } from './memory/ingest-reporter.ts';
import { finishVectors } from './memory/make-vectors.ts';
import { withMemory, type OpenedMemory } from './memory/open-memory.ts';
import { shortUri } from '../render/render-citations.ts';
import { countOf, formatBytes, printJson, printNotice } from './print.ts';
import { usageError } from './usage-error.ts';

/** `gemma ingest`: documents into the memory. */
export const ingestCommand: CommandDefinition = {
  name: 'ingest',
  summary: 'Put documents into the memory: files, folders, patterns, web pages, standard input.',
  arguments: [
    {
      name: 'PATH|GLOB|URL|-',
      summary: 'What to read. A folder is read with all below it; - is standard input.',
      required: true,
      variadic: true,
      completes: 'files',
    },
  ],
  options: [
    { long: 'watch', summary: 'Keep the memory in step with the files until Ctrl-C.' },
    { long: 'hidden', summary: 'Read files and folders whose names begin with a dot, too.' },
    { long: 'private', summary: 'Read the pages that are named even where they are of this machine or its networks.' },
    {
      long: 'uri',
      value: 'NAME',
      summary: 'What standard input is called in the memory; an ending such as .md tells its format. Default: stdin:.',
    },
    memoryOption,
  ],
  examples: [
    { command: 'gemma ingest docs', effect: 'reads everything below docs/; a second time only what has changed' },
    { command: "gemma ingest 'src/**/*.ts' README.md", effect: 'reads by pattern and by name' },
    { command: 'gemma ingest https://example.org/guide.html', effect: 'reads one page' },
    { command: 'gemma ingest notes --watch', effect: 'keeps the memory in step with the folder' },
    { command: 'pdftotext paper.pdf - | gemma ingest - --uri paper.txt', effect: 'reads standard input' },
  ],
  run: (context, input) => {
    if (input.options['watch'] === true && input.arguments.some((name) => name === '-' || /^https?:/i.test(name)))
      throw usageError('Expected files, folders or patterns with --watch: a stream or a page tells no changes.');
    return withMemory(
      context,
      input,
      async (opened) => finishVectors(context, opened, await ingest(context, input, opened)),
      { vectors: 'make' },
    );
  },
};

async function ingest(context: CommandContext, input: CommandInput, { memory }: OpenedMemory): Promise<number> {
  const { ingestDocuments, watchIntoMemory } = await import('@gemma-cli/app/memory');
  const { cwd, signal, stdin, stdout, options } = context;
  const uri = input.options['uri'];
  const name = typeof uri === 'string' ? uri : undefined;
  const watching = input.options['watch'] === true;
  const reading = { cwd, signal, hidden: input.options['hidden'] === true, writer: 'gemma ingest' };
  const reporter = createIngestReporter(context);
  const events = watching
    ? watchIntoMemory(memory, input.arguments, reading)
    : ingestDocuments(memory, input.arguments, {
        ...reading,
        allowUrls: true,
        privateOrigins: input.options['private'] === true ? originsOf(input.arguments) : [],
        stdin: { bytes: stdin, uri: name, name },
      });
  let code = 0;
  let isReady = false;
  try {
    for await (const event of events) {
      reporter.show(event);
      if (event.type === 'ingest-end') {
        const { skipped, documents, unchanged } = event.result;
        // What was asked for and could not be had at all is a failure; some files of a folder are not. A watch waits for it.
        if (!watching && skipped.length > 0 && documents + unchanged === 0) code = 1;
        if (options.json) printJson(stdout, event.result);
        else printEnd(context, event);
      } else if (event.type === 'ready') {
        isReady = true;
        printNotice(context, `Watching ${countOf(event.files, 'file')}. Ctrl-C ends it.`);
      }
      if (!isReady) continue;
      // From then on each change is told, to programs as one line of JSON.
      if (options.json) printJson(stdout, event);
      else if (event.type === 'stored')
        printNotice(context, `${event.replaced ? 'Changed' : 'New'}: ${shortUri(event.uri, cwd)}`);
      else if (event.type === 'removed')
        for (const gone of event.uris) printNotice(context, `Gone: ${shortUri(gone, cwd)}`);
    }
  } finally {
    reporter.end();
  }
  return code;
}

/** Of the pages that are named: where one of them redirects to is not among them. */
function originsOf(inputs: readonly string[]): readonly string[] {
  return inputs.flatMap((input) => (URL.canParse(input) ? [new URL(input).origin] : []));
}

function printEnd(context: CommandContext, { result, readBack }: IngestEnd): void {
  const parts = [
    `${countOf(result.documents, 'document')} in ${countOf(result.chunks, 'chunk')} (${formatBytes(result.bytes)})`,
    `${result.unchanged} unchanged`,
    `${result.removed} removed`,
    `${result.skipped.length} skipped`,
  ];
  printNotice(context, `${parts.join(', ')}, ${(result.tookMs / 1000).toFixed(1)} s.`);
  printNotice(context, `Read back: ${countOf(readBack.documents, 'document')}, ${countOf(readBack.chunks, 'chunk')}.`);
}

type IngestEnd = Extract<IngestOperationEvent, { readonly type: 'ingest-end' }>;
