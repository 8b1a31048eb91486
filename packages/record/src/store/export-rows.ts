import { GemmaError } from '@gemma-cli/contracts';
import type { ExportLine, ImportResult, RecordStore, RecordWrite, WriteResult } from '@gemma-cli/contracts';
import { checkObject } from './check-values.ts';
import { refuse } from './refuse.ts';
import { pageRows, rowPages } from './row-pages.ts';

/** Version of the lines of an export. */
const exportVersion = 1;

/**
 * The head, the documents by address, the rows by id.
 *
 * @param check - Throws where the work must end; called before every page.
 */
export async function* exportRows(
  record: RecordStore,
  now: () => number,
  check: () => void,
): AsyncGenerator<ExportLine> {
  check();
  yield { type: 'head', format: 'gemma-memory', version: exportVersion, namespace: record.namespace };
  check();
  for (const document of record.documents('')) yield { type: 'document', document };
  for (const page of rowPages(record, {}, now)) {
    for (const row of page) yield { type: 'row', row };
    check();
  }
}

/** What {@link importRows} takes. */
export interface ImportParts {
  readonly lines: AsyncIterable<ExportLine> | Iterable<ExportLine>;
  readonly write: (writes: readonly RecordWrite[]) => Promise<readonly WriteResult[]>;
  /** Throws where the work must end; called before every page. */
  readonly check: () => void;
}

/** Pages become durable one after the other: an import that broke off is done again, and leaves out what is there. */
export async function importRows({ lines, write, check }: ImportParts): Promise<ImportResult> {
  let count = 0;
  let added = 0;
  let skipped = 0;
  let page: RecordWrite[] = [];
  for await (const line of lines) {
    count++;
    if (count === 1) checkHead(line);
    else page.push(toWrite(line, `line ${count}`));
    if (page.length === pageRows) await flush();
  }
  if (count === 0) refuse('the export', 'lines that begin with a head', undefined);
  await flush();
  return { added, skipped };

  async function flush(): Promise<void> {
    check();
    const writes = page;
    page = [];
    if (writes.length === 0) return;
    for (const [index, { rows }] of (await write(writes)).entries()) {
      if (writes[index]?.type !== 'import') continue;
      if (rows.length === 0) skipped++;
      else added++;
    }
  }
}

function toWrite(line: ExportLine, field: string): RecordWrite {
  checkObject(field, line);
  switch (line.type) {
    case 'row':
      checkObject(`${field}.row`, line.row);
      return { type: 'import', row: line.row };
    case 'document':
      checkObject(`${field}.document`, line.document);
      return { type: 'import-document', document: line.document };
    case 'head':
      return refuse(field, 'a row or a document: the head comes once', line);
    default:
      return refuse(`${field}.type`, 'row or document', (line satisfies never as { readonly type?: unknown }).type);
  }
}

function checkHead(line: ExportLine): void {
  checkObject('line 1', line);
  if (line.type !== 'head' || line.format !== 'gemma-memory')
    refuse('line 1', 'the head of an export of a memory', line);
  // What another version wrote may say anything.
  const version: number = line.version;
  if (version === exportVersion) return;
  throw new GemmaError({
    code: 'MEMORY_FORMAT',
    message: `Expected an export of version ${exportVersion}, got version ${version}. Import it with the version of gemma that wrote it, or a newer one.`,
    facts: { version },
  });
}
