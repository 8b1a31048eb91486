import { readFileSync } from 'node:fs';

/** The version of this package. Read, not imported: an import of JSON would cost more than the read. */
export function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
