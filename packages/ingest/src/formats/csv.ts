import Papa from 'papaparse';
import { decodeText } from '../decode-text.ts';
import type { ExtractedText, ExtractionJob } from '../extracted-text.ts';
import { skip } from '../skip.ts';
import { createTextBuilder } from './text-builder.ts';

/** A table as one line for each of its rows, in which every value stands behind the name of its column. */
export async function extractCsv({ bytes, charset, limits }: ExtractionJob): Promise<ExtractedText> {
  const { text, encoding } = await decodeText(bytes, charset);
  const { data, errors } = Papa.parse<string[]>(text.replace(/^\uFEFF/u, ''), { skipEmptyLines: 'greedy' });
  const broken = errors.find(({ code }) => code === 'MissingQuotes');
  if (broken !== undefined) {
    throw skip('DOCUMENT_UNREADABLE', `row ${(broken.row ?? 0) + 1} has a quotation mark that is never closed`);
  }
  const [names = [], ...rows] = data;
  const out = createTextBuilder(limits.textCharactersMax);
  // One row alone has no names: it is what there is.
  for (const row of rows.length === 0 ? [names] : rows) {
    let first = true;
    for (const [at, value] of row.entries()) {
      if (value.trim() === '') continue;
      if (!first) out.writeExactly('; ');
      const name = rows.length === 0 ? '' : (names[at]?.trim() ?? '');
      if (name !== '') out.writeExactly(`${name}: `);
      out.write(value.trim());
      first = false;
    }
    out.line();
  }
  return { text: out.text(), format: 'prose', title: null, encoding };
}
