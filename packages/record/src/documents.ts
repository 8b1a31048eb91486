import type { DocumentFacts } from '@gemma-cli/contracts';
import type { Connection } from './connection.ts';
import { checksum } from './row-codec.ts';
import { sourceChecksum } from './row-reader.ts';

/** Documents whose address begins so, by address. One whose checksum does not fit is left out: it is ingested anew. */
export function listDocuments(connection: Connection, namespace: number, uriPrefix: string): readonly DocumentFacts[] {
  const rows = connection
    .prepare(
      `SELECT d.source, d.bytes, d.ingestedAt, d.crc, s.uri, s.hash, s.crc AS sourceCrc,
         (SELECT count(*) FROM rows r WHERE r.source = d.source AND r.tier = 0) AS chunks
       FROM documents d JOIN sources s ON s.id = d.source
       WHERE d.namespace = ? AND substr(s.uri, 1, length(?)) = ? ORDER BY s.uri`,
    )
    .all(namespace, uriPrefix, uriPrefix);
  return rows.flatMap((sql) => {
    const source = sql['source'] as number;
    const [uri, hash] = [String(sql['uri']), String(sql['hash'])];
    const [bytes, ingestedAt] = [sql['bytes'] as number, sql['ingestedAt'] as number];
    const isSound =
      checksum([source, namespace, bytes, ingestedAt]) === sql['crc'] &&
      sourceChecksum(source, namespace, uri, hash) === sql['sourceCrc'];
    return isSound ? [{ uri, hash, bytes, chunks: sql['chunks'] as number, ingestedAt }] : [];
  });
}
