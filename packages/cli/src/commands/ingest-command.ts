import type { CommandContext, CommandDefinition, CommandInput } from '../command.ts';
import { memoryOption } from '../option-table.ts';
import { createIngestReporter } from './memory/ingest-reporter.ts';
import { finishVectors } from './memory/make-vectors.ts';
import { withMemory, type OpenedMemory } from './memory/open-memory.ts';
import { shortUri } from '../render/render-citations.ts';
import { formatBytes, printJson, printNotice } from './print.ts';
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
  const { ingestDocuments } = await import('@gemma-cli/app/memory');
  const { cwd, signal, stdin, stdout, options } = context;
  const uri = input.options['uri'];
  const reporter = createIngestReporter(context);
  const hidden = input.options['hidden'] === true;
  const name = typeof uri === 'string' ? uri : undefined;
  let code = 0;
  try {
    const events = ingestDocuments(memory, input.arguments, {
      cwd,
      signal,
      hidden,
      allowUrls: true,
      stdin: { bytes: stdin, uri: name, name },
      writer: 'gemma ingest',
    });
    for await (const event of events) {
      reporter.show(event);
      if (event.type !== 'ingest-end') continue;
      const { result, readBack } = event;
      // What was asked for and could not be had at all is a failure; some files of a folder are not.
      if (result.skipped.length > 0 && result.documents + result.unchanged === 0) code = 1;
      if (options.json) printJson(stdout, result);
      else {
        const parts = [
          `${result.documents} ${result.documents === 1 ? 'document' : 'documents'} in ${result.chunks} ${result.chunks === 1 ? 'chunk' : 'chunks'} (${formatBytes(result.bytes)})`,
          `${result.unchanged} unchanged`,
          `${result.removed} removed`,
          `${result.skipped.length} skipped`,
        ];
        printNotice(context, `${parts.join(', ')}, ${(result.tookMs / 1000).toFixed(1)} s.`);
        printNotice(context, `Read back: ${readBack.documents} documents, ${readBack.chunks} chunks.`);
      }
    }
  } finally {
    reporter.end();
  }
  if (input.options['watch'] === true) await watch(context, input, { memory, hidden });
  return code;
}

/** Until Ctrl-C, which is how it is meant to end. */
async function watch(
  context: CommandContext,
  input: CommandInput,
  { memory, hidden }: Pick<OpenedMemory, 'memory'> & { readonly hidden: boolean },
): Promise<void> {
  const { watchIntoMemory } = await import('@gemma-cli/app/memory');
  const { cwd, signal, stdout, options } = context;
  const reporter = createIngestReporter(context);
  for await (const event of watchIntoMemory(memory, input.arguments, { cwd, signal, hidden, writer: 'gemma ingest' })) {
    if (options.json) printJson(stdout, event);
    else if (event.type === 'ready') printNotice(context, `Watching ${event.files} files. Ctrl-C ends it.`);
    else if (event.type === 'stored')
      printNotice(context, `${event.replaced ? 'Changed' : 'New'}: ${shortUri(event.uri, cwd)}`);
    else if (event.type === 'removed')
      for (const uri of event.uris) printNotice(context, `Gone: ${shortUri(uri, cwd)}`);
    else reporter.show(event);
  }
}
