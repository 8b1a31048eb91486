import type { MemoryRow, SearchHit, SearchResult } from '@gemma-cli/contracts';
import type { CommandContext } from '../../command.ts';
import { shortUri } from '../../render/render-citations.ts';
import { printLine, printNotice } from '../print.ts';
import type { MemoryDescription } from './open-memory.ts';

/** A hit as `--json` has it. */
export interface HitJson {
  readonly id: string;
  readonly kind: MemoryRow['kind'];
  /** Of memories. */
  readonly tier?: MemoryRow['tier'];
  readonly score: number;
  readonly text: string;
  /** What it stands under. Absent = nothing. */
  readonly title?: string;
  readonly tags: readonly string[];
  /** `null` for a memory that was read nowhere. */
  readonly source: MemoryRow['source'];
  readonly parts?: SearchHit['parts'];
}

/** What `gemma search --json` and `gemma recall --json` print. */
export interface SearchJson {
  readonly hits: readonly HitJson[];
  readonly memory: MemoryDescription;
  readonly mode: SearchResult['mode'];
  readonly cache: SearchResult['cache'];
  readonly tookMs: number;
}

/** A result as data. */
export function searchJson({ hits, mode, cache, tookMs }: SearchResult, memory: MemoryDescription): SearchJson {
  return {
    hits: hits.map(({ row, score, parts }) => {
      const { id, kind, tier, text, title, tags, source } = row;
      return {
        id,
        kind,
        ...(tier === null ? {} : { tier }),
        score,
        text,
        ...(title === null ? {} : { title }),
        tags,
        source,
        ...(parts === undefined ? {} : { parts }),
      };
    }),
    memory,
    mode,
    cache,
    tookMs,
  };
}

/** Shows a result to people. */
export function printHits(context: CommandContext, { hits, cache, tookMs }: SearchResult): void {
  const { stdout, cwd } = context;
  for (const [index, hit] of hits.entries()) {
    const { row, score } = hit;
    printLine(stdout, `${index + 1}. ${placeOf(row, cwd)}  ${score.toFixed(3)}  ${row.id}`);
    for (const line of snippet(row.text)) printLine(stdout, `   ${line}`);
    for (const line of partLines(hit)) printLine(stdout, `   ${line}`);
  }
  const found = hits.length === 0 ? 'Nothing was found' : `${hits.length} ${hits.length === 1 ? 'hit' : 'hits'}`;
  printNotice(context, `${found} in ${tookMs.toFixed(1)} ms${cache === 'hit' ? ' (kept from before)' : ''}.`);
}

/** Where a row comes from, as people name it. */
export function placeOf({ source, title, kind, tier }: MemoryRow, cwd: string): string {
  const under = title === null ? '' : ` (${title})`;
  if (kind === 'memory')
    return `${tier ?? 'memory'}${source === null ? '' : ` from ${shortUri(source.uri, cwd)}`}${under}`;
  return `${shortUri(source?.uri ?? '', cwd)}${under}`;
}

/** The first lines of a text. */
function snippet(text: string, linesMax = 3, cells = 100): readonly string[] {
  const words = text.replaceAll(/\s+/g, ' ').trim().split(' ');
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line !== '' && line.length + 1 + word.length > cells) {
      lines.push(line);
      line = '';
      if (lines.length === linesMax) return [...lines.slice(0, -1), `${lines.at(-1) ?? ''} …`];
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function partLines({ parts }: SearchHit): readonly string[] {
  if (parts === undefined) return [];
  const { lexical, dense, recall } = parts;
  return [
    ...(lexical?.terms ?? []).map(
      ({ term, frequency, documentFrequency, score }) =>
        `${score.toFixed(3)}  ${term}: ${frequency} here, in ${documentFrequency} ${documentFrequency === 1 ? 'row' : 'rows'}`,
    ),
    ...(dense === undefined ? [] : [`${dense.cosine.toFixed(3)}  cosine`]),
    ...(recall === undefined
      ? []
      : [
          `${recall.relevance.toFixed(3)}  relevance`,
          `${recall.importance.toFixed(3)}  importance`,
          `${recall.recency.toFixed(3)}  recency`,
          `${recall.use.toFixed(3)}  use`,
        ]),
  ];
}
