import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { memoryTiers } from '@gemma-cli/contracts';
import type { ImportResult, MemoryStats } from '@gemma-cli/contracts';
import type { CommandDefinition } from '../../command.ts';
import { memoryOption } from '../../option-table.ts';
import { countOf, formatBytes, printJson, printLine, printNotice } from '../print.ts';
import { exportFile } from './export-file.ts';
import { makeVectors } from './make-vectors.ts';
import type { AncestorImport } from './import-ancestor.ts';
import { withMemory } from './open-memory.ts';
import { readExport } from './read-export.ts';
import { shortUri } from '../../render/render-citations.ts';

/** `gemma memory stats`. */
export const statsCommand: CommandDefinition = {
  name: 'stats',
  summary: 'Show what there is of everything: rows, tiers, index, disk, cache.',
  options: [memoryOption],
  examples: [{ command: 'gemma memory stats --json', effect: 'the same shape for every store' }],
  run: (context, input) =>
    withMemory(
      context,
      input,
      async ({ memory, description, vectors: { model } }) => {
        const stats = await memory.stats();
        if (context.options.json) printJson(context.stdout, { ...stats, memory: description, embeddingModel: model });
        else for (const line of statsLines(stats, model)) printLine(context.stdout, line);
        return 0;
      },
      { vectors: 'known' },
    ),
};

/** `gemma memory embed`. */
export const embedCommand: CommandDefinition = {
  name: 'embed',
  summary: 'Make the vectors that are missing, so that everything is found by its meaning, too.',
  options: [memoryOption],
  examples: [
    { command: 'gemma memory embed', effect: 'makes all of them after an embedding model was installed or changed' },
  ],
  run: (context, input) =>
    withMemory(
      context,
      input,
      async (opened) => {
        const startedMs = performance.now();
        const made = await makeVectors(context, opened);
        const { rows, index } = await opened.memory.stats();
        const tookMs = performance.now() - startedMs;
        const { model } = opened.vectors;
        if (context.options.json)
          printJson(context.stdout, {
            embeddingModel: model,
            made,
            vectors: index.vectors,
            rows: rows.total,
            tookMs,
            memory: opened.description,
          });
        else
          printNotice(
            context,
            `${countOf(made, 'vector')} by ${model}, ${(tookMs / 1000).toFixed(1)} s: ${index.vectors} of ${rows.total} rows have one.`,
          );
        return 0;
      },
      { vectors: 'demand' },
    ),
};

/** `gemma memory consolidate`. */
export const consolidateCommand: CommandDefinition = {
  name: 'consolidate',
  summary: 'Sweep what has expired, move up what is used, merge what is there twice. No model takes part.',
  options: [memoryOption],
  examples: [{ command: 'gemma memory consolidate', effect: 'sweeps, merges and moves up now' }],
  run: (context, input) =>
    withMemory(context, input, async ({ memory, description }) => {
      const done = await memory.consolidate({ signal: context.signal });
      if (context.options.json) printJson(context.stdout, { ...done, memory: description });
      else {
        const { promoted, merged, expired, evicted } = done;
        printLine(context.stdout, `${promoted} moved up, ${merged} merged, ${expired} expired, ${evicted} evicted`);
      }
      return 0;
    }),
};

/** `gemma memory audit`. */
export const auditCommand: CommandDefinition = {
  name: 'audit',
  summary: 'List duplicates, memories that nobody recalled, changed sources and recall loops. Changes nothing.',
  options: [memoryOption],
  examples: [{ command: 'gemma memory audit', effect: 'shows what makes answers worse, with its evidence' }],
  run: (context, input) =>
    withMemory(context, input, async ({ memory, description, loaded }) => {
      const { auditMemory } = await import('@gemma-cli/app/memory');
      const { cwd, stdout, signal, options } = context;
      const audit = await auditMemory(memory, { language: loaded.config.memory.language, signal });
      if (options.json) {
        printJson(stdout, { ...audit, memory: description });
        return 0;
      }
      const { exactDuplicates, nearDuplicates, neverRecalled, staleSources, recallLoops, rows } = audit;
      const sections: readonly (readonly [string, readonly string[]])[] = [
        ['Exact duplicates', exactDuplicates.flatMap(({ ids, text }) => [text, ...ids.map((id) => `  ${id}`)])],
        [
          'Near duplicates',
          nearDuplicates.flatMap(({ ids, similarity, texts }) => [
            `${Math.round(similarity * 100)} % the same`,
            ...ids.map((id, at) => `  ${id}  ${texts[at] ?? ''}`),
          ]),
        ],
        [
          'Never recalled',
          neverRecalled.map(({ id, createdAt, text }) => `${id}  since ${new Date(createdAt).toISOString()}  ${text}`),
        ],
        [
          'Stale sources',
          staleSources.map(
            ({ uri, state, chunks }) =>
              `${shortUri(uri, cwd)} ${state === 'gone' ? 'is gone' : 'has changed'} (${countOf(chunks, 'chunk')})`,
          ),
        ],
        [
          'Recall loops',
          recallLoops.flatMap(({ rows: loop }) =>
            loop.map(
              ({ id, createdAt, writer, accessCount, text }, at) =>
                `${at === 0 ? '' : '  then '}${id}  ${new Date(createdAt).toISOString()}  by ${writer ?? 'nobody named'}, used ${countOf(accessCount, 'time')}  ${text}`,
            ),
          ),
        ],
      ];
      for (const [title, lines] of sections) {
        printLine(stdout, `${title}: ${lines.length === 0 ? 'none' : ''}`.trimEnd());
        for (const line of lines) printLine(stdout, `  ${line}`);
      }
      printNotice(context, `${countOf(rows, 'row')} looked at.`);
      return 0;
    }),
};

/** `gemma memory verify`. */
export const verifyCommand: CommandDefinition = {
  name: 'verify',
  summary: 'Read everything back and compare checksums; what is derived is built anew where it is damaged.',
  options: [memoryOption],
  examples: [{ command: 'gemma memory verify', effect: 'exits with 7 when something was damaged' }],
  run: (context, input) =>
    withMemory(context, input, async ({ memory, description }) => {
      const problems = await memory.verify({ signal: context.signal });
      if (context.options.json) printJson(context.stdout, { ok: problems.length === 0, problems, memory: description });
      else {
        for (const { where, what, id, action } of problems)
          printLine(context.stdout, `${where}: ${what}${id === null ? '' : ` (${id})`} [${action}]`);
        if (problems.length === 0) printLine(context.stdout, 'Everything reads back as it was written.');
      }
      return problems.length === 0 ? 0 : integrityExitCode;
    }),
};

/** What `MEMORY_DAMAGED` exits with. */
const integrityExitCode = 7;

/** `gemma memory export`. */
export const exportCommand: CommandDefinition = {
  name: 'export',
  summary: 'Write everything as JSON Lines, to a file or stdout.',
  arguments: [{ name: 'FILE', summary: 'A new file. Default: stdout.', completes: 'files' }],
  options: [memoryOption],
  examples: [
    { command: 'gemma memory export memory.jsonl', effect: 'one line for each row, with its id and source' },
    { command: 'gemma memory export | gzip > memory.jsonl.gz', effect: 'writes to stdout' },
  ],
  run: (context, input) =>
    withMemory(context, input, async ({ memory, description }) => {
      const { cwd, stdout, signal, options } = context;
      const [file] = input.arguments;
      if (file === undefined || file === '-') {
        // These are JSON already, each line: --json changes nothing.
        for await (const line of memory.export({ signal })) {
          if (!stdout.write(`${JSON.stringify(line)}\n`) && !stdout.destroyed)
            await new Promise<void>((done) => {
              stdout.once('drain', done).once('close', done);
            });
        }
        return 0;
      }
      const path = resolve(cwd, file);
      const rows = await exportFile(path, memory.export({ signal }));
      if (options.json) printJson(stdout, { file: path, rows, memory: description });
      else printNotice(context, `${countOf(rows, 'row')} written to ${path}.`);
      return 0;
    }),
};

/** `gemma memory import`. */
export const importCommand: CommandDefinition = {
  name: 'import',
  summary: 'Add what an export holds, or the memories of the Python version. A row that is there stays as it is.',
  arguments: [
    {
      name: 'FILE|-',
      summary: 'A file of an export, or an embedded_store.json; - is an export on standard input.',
      required: true,
      completes: 'files',
    },
  ],
  options: [memoryOption],
  examples: [
    { command: 'gemma memory import memory.jsonl', effect: 'adds its rows under their own ids' },
    { command: 'gemma memory import ~/.gemma_cli/embedded_store.json', effect: 'adds what the Python version knew' },
  ],
  run: (context, input) =>
    withMemory(context, input, async ({ memory, description }) => {
      const { cwd, stdin, stdout, signal, options } = context;
      const [file = '-'] = input.arguments;
      const path = resolve(cwd, file);
      const { importAncestor, isAncestorStore } = await import('./import-ancestor.ts');
      if (file !== '-' && (await isAncestorStore(path))) {
        const done = await importAncestor(memory, path, { now: Date.now(), signal });
        for (const sentence of done.leftOut) printNotice(context, `Left out: ${sentence}`);
        if (done.moved > 0)
          printNotice(context, `${done.moved} had no room in their tier and are in the semantic one, for good.`);
        return tell(done);
      }
      const stream = file === '-' ? stdin : createReadStream(path);
      return tell(
        await memory.import(readExport(stream, { name: file === '-' ? 'standard input' : path, signal }), { signal }),
      );

      function tell(done: ImportResult | AncestorImport): number {
        if (options.json) printJson(stdout, { ...done, memory: description });
        else printNotice(context, `${countOf(done.added, 'row')} added, ${done.skipped} there already.`);
        return 0;
      }
    }),
};

function statsLines(stats: MemoryStats, model: string | null): readonly string[] {
  const { rows, documents, tiers, expired, removed, index, disk, cache, consolidation, seq } = stats;
  const { durability, pendingWrites, unsyncedWrites } = stats;
  const { runs, promoted, lastAt } = consolidation;
  const facts: readonly (readonly [string, string])[] = [
    ['memory', `${stats.namespace}, ${stats.backend}, ${stats.implementation}`],
    [
      'rows',
      `${rows.total}: ${rows.byKind.document} of ${countOf(documents, 'document')}, ${rows.byKind.memory} ${rows.byKind.memory === 1 ? 'memory' : 'memories'}`,
    ],
    ...memoryTiers.map((tier): readonly [string, string] => {
      const { ttlMs, capacity } = tiers[tier];
      return [tier, `${rows.byTier[tier]} of ${capacity}, ${ttlMs === null ? 'no expiry' : `for ${lifeText(ttlMs)}`}`];
    }),
    ['expired', `${expired} not swept yet`],
    [
      'removed',
      Object.entries(removed)
        .map(([reason, count]) => `${count} ${reason}`)
        .join(', '),
    ],
    [
      'consolidated',
      `${countOf(runs, 'time')}, ${promoted} moved up${lastAt === null ? '' : `, last ${new Date(lastAt).toISOString()}`}`,
    ],
    ['index', `${index.terms} terms, ${index.postings} postings, ${index.segments} segments`],
    ['vectors', model === null ? 'none' : `${index.vectors} of ${rows.total} rows, by ${model}`],
    ['memory use', index.memoryBytes === null ? 'unknown' : formatBytes(index.memoryBytes)],
    ['disk', `${formatBytes(disk.recordBytes)} record, ${formatBytes(disk.indexBytes)} index`],
    [
      'cache',
      `${cache.entries} entries, ${cache.hits} hits, ${cache.misses} misses, ${cache.savedMs.toFixed(1)} ms saved`,
    ],
    ['writes', `${durability}, ${pendingWrites} waiting, ${unsyncedWrites} not on the disk yet`],
    ['position', String(seq)],
  ];
  return facts.map(([name, value]) => `${name.padEnd(14)}${value}`);
}

function lifeText(ttlMs: number): string {
  const units = [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
  ] as const;
  const [name, ms] = units.find(([, unit]) => ttlMs >= unit) ?? units[2];
  const count = Math.round((ttlMs / ms) * 10) / 10;
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}
