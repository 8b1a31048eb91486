import type { DocumentFacts } from '@gemma-cli/contracts';
import type { Connection } from './connection.ts';
import { checksum } from './row-codec.ts';
import type { SqlRow } from './sql-driver.ts';
import { sourcesOf } from './sources.ts';
import type { Repairs } from './sources.ts';

/** Documents whose address begins so, by address. A damaged one is left out and told of: it is ingested anew. */
export function listDocuments(
  connection: Connection,
  namespace: number,
  uriPrefix: string,
  repairs: Repairs,
): readonly DocumentFacts[] {
  const sources = new Map(sourcesOf(connection, namespace, '', repairs).map((source) => [source.id, source]));
  const count = connection.prepare(
    'SELECT count(*) AS rows, count(CASE WHEN tier = 0 THEN 1 END) AS chunks FROM rows WHERE source = ?',
  );
  const documents: DocumentFacts[] = [];
  for (const sql of connection.prepare('SELECT * FROM documents').all()) {
    const source = sources.get(Number(sql['source']));
    if (!isDocumentSound(sql) || (source === undefined && sql['namespace'] === namespace)) {
      repairs.tell('The facts of a document are damaged.');
      continue;
    }
    if (source === undefined || !source.uri.startsWith(uriPrefix)) continue;
    const { id, uri, hash, rows } = source;
    let found = count.get(id);
    if (found?.['rows'] !== rows) {
      repairs.index('rowsBySource');
      found = count.get(id);
    }
    documents.push({
      uri,
      hash,
      bytes: sql['bytes'] as number,
      chunks: Number(found?.['chunks']),
      ingestedAt: sql['ingestedAt'] as number,
    });
  }
  return documents.toSorted((one, other) => (one.uri < other.uri ? -1 : 1));
}

/** CRC-32 of a document's columns. */
export function documentChecksum(source: number, namespace: number, bytes: number, ingestedAt: number): number {
  return checksum([source, namespace, bytes, ingestedAt]);
}

/** Whether the checksum of a document fits. */
export function isDocumentSound(sql: SqlRow): boolean {
  const { source, namespace, bytes, ingestedAt } = sql as Readonly<Record<string, number>>;
  return documentChecksum(source ?? 0, namespace ?? 0, bytes ?? 0, ingestedAt ?? 0) === sql['crc'];
}
