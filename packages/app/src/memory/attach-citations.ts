import { createAnalyzer, type Analyzer } from '@gemma-cli/rag-core';
import type { Citation, Passage } from '../passages.ts';
import { isSupport, shareOf } from './check-support.ts';
import { isAside } from './is-aside.ts';
import { isExchanged } from './is-exchanged.ts';
import { joinStatements, readStatement, type Statement } from './read-statement.ts';
import { readSource, type SourceState } from './read-source.ts';

/** What citations are made with. */
export interface CitationOptions {
  /** ISO 639-1. Default `en`. */
  readonly language?: string | undefined;
  /** What was asked: a sentence that talks about it, and adds nothing, needs no citation. Default: nothing. */
  readonly question?: string | undefined;
  /** Looks at a source again. Default: files are read. */
  readonly readSource?: ((uri: string) => Promise<SourceState>) | undefined;
}

/**
 * Attaches to each sentence of an answer the span of a passage that overlaps with it most, and checks it: the quote must
 * occur in the source's bytes, and bear the sentence out as far as words can tell ({@link isSupport}). A sentence that takes
 * several quotes is cited part by part. One that says nothing, such as `It is.` or `I hope this helps.`, needs none.
 */
export async function attachCitations(
  answer: string,
  passages: readonly Passage[],
  { language = 'en', question = '', readSource: read = readSource }: CitationOptions = {},
): Promise<readonly Citation[]> {
  if (passages.length === 0) return [];
  const analyzer = await createAnalyzer({ language });
  const spans = passages.flatMap((passage) => spansOf({ passage, analyzer, language }));
  const asked = new Set(analyzer.analyze(question));
  const sources = new Map<string, Promise<SourceState>>();
  const sourceOf = (uri: string): Promise<SourceState> => {
    const known = sources.get(uri) ?? read(uri);
    sources.set(uri, known);
    return known;
  };
  const citations: Citation[] = [];
  for (const { text } of sentencesOf(answer, language)) {
    for (const { sentence, best } of supported({ text, asked, spans, analyzer })) {
      const n = citations.length + 1;
      if (best === undefined) {
        const nowhere = { id: null, uri: null, start: null, end: null, quote: null };
        citations.push({ n, sentence, ...nowhere, checked: false, producedBy: 'attached', stale: false });
        continue;
      }
      const { passage, start, quote } = best.span;
      const { occurs, stale } = await compare(passage, quote, sourceOf);
      citations.push({
        n,
        sentence,
        id: passage.id,
        uri: passage.uri,
        start: passage.start + start,
        end: passage.start + start + quote.length,
        quote,
        checked: occurs && best.supports,
        producedBy: 'attached',
        stale,
      });
    }
  }
  return citations;
}

/** A sentence and what supports it best. */
interface Supported {
  readonly sentence: string;
  readonly best: Best | undefined;
}

/** A sentence with the span for it; its parts with one each, where it takes several to support all of it. */
function supported({
  text: sentence,
  asked,
  spans,
  analyzer,
}: {
  readonly text: string;
  /** Terms of the question. */
  readonly asked: ReadonlySet<string>;
  readonly spans: readonly Span[];
  readonly analyzer: Analyzer;
}): readonly Supported[] {
  const says = readStatement(sentence, analyzer);
  if (says.content.size === 0 || isAside(says, asked)) return [];
  const best = bestSpan(says, spans);
  if (best?.supports === true) return [{ sentence, best }];
  const parts = sentence.split(/[,;]\s+and\s+|;\s+/u);
  if (parts.length === 1) return [{ sentence, best }];
  const each = parts.map((part) => ({ sentence: part, best: bestSpan(readStatement(part, analyzer), spans) }));
  if (!each.every((part) => part.best?.supports === true)) return [{ sentence, best }];
  // Each part may be said of what the other one is about.
  const quotes = each.flatMap((part) => part.best?.span.says.clauses ?? []);
  return isExchanged(says.clauses, quotes) ? [{ sentence, best }] : each;
}

/** Whether the quote is in the source as it is now, and whether that is the source which was read. */
async function compare(
  { uri, hash, text }: Passage,
  quote: string,
  sourceOf: (uri: string) => Promise<SourceState>,
): Promise<{ readonly occurs: boolean; readonly stale: boolean }> {
  // What was said has no bytes but those of the record.
  if (hash === null) return { occurs: text.includes(quote), stale: false };
  const state = await sourceOf(uri);
  if (state === 'gone') return { occurs: false, stale: true };
  if (state === 'unknown') return { occurs: text.includes(quote), stale: false };
  return { occurs: await state.contains(quote), stale: state.hash !== hash };
}

interface Span {
  readonly passage: Passage;
  /** Offset in the passage's text. */
  readonly start: number;
  readonly quote: string;
  readonly says: Statement;
  /** Of a row of a table: the terms of its first cell. */
  readonly about: readonly string[] | undefined;
}

/** Sentences of a passage, and neighbours of them in twos and threes. */
function spansOf({
  passage,
  analyzer,
  language,
}: {
  readonly passage: Passage;
  readonly analyzer: Analyzer;
  readonly language: string;
}): readonly Span[] {
  const { text } = passage;
  let head: Statement | undefined;
  const sentences = sentencesOf(text, language).map(({ start, text: sentence }) => {
    const isRow = sentence.startsWith('|');
    const says = readStatement(sentence, analyzer);
    head = isRow ? (head ?? says) : undefined;
    // What the columns are called is said of each row.
    const terms = head === undefined ? says.terms : new Set([...head.terms, ...says.terms]);
    const about = isRow ? analyzer.analyze(/[^|]+/u.exec(sentence)?.[0] ?? '') : undefined;
    return { start, end: start + sentence.length, about, says: { ...says, terms } };
  });
  return sentences.flatMap(({ start, about }, at) =>
    [1, 2, 3].flatMap((count) => {
      const run = sentences.slice(at, at + count);
      const end = run.at(-1)?.end;
      // Rows of a table stand for themselves, with its head: what one says is not said of its neighbours.
      if (end === undefined || run.length < count || (count > 1 && run.some(({ about }) => about !== undefined)))
        return [];
      return [
        { passage, start, quote: text.slice(start, end), says: joinStatements(run.map(({ says }) => says)), about },
      ];
    }),
  );
}

/** The span that fits best to a sentence. */
interface Best {
  readonly span: Span;
  readonly supports: boolean;
}

/** The span that overlaps most with a sentence: one that bears it out, where there is one; the shortest of equals. */
function bestSpan(sentence: Statement, spans: readonly Span[]): Best | undefined {
  let best: (Best & { readonly share: number }) | undefined;
  for (const span of spans) {
    const share = shareOf(sentence, span.says);
    if (share === 0) continue;
    // A row is about what its first cell names.
    const isAbout = span.about === undefined || span.about.some((term) => sentence.terms.has(term));
    const supports = isAbout && isSupport(sentence, span.says);
    const order =
      best === undefined
        ? 1
        : Number(supports) - Number(best.supports) || share - best.share || best.span.quote.length - span.quote.length;
    if (order > 0) best = { span, supports, share };
  }
  return best;
}

/** Sentences and lines of a text, without the white space around them. */
function sentencesOf(text: string, language: string): readonly { readonly start: number; readonly text: string }[] {
  const segmenter = new Intl.Segmenter(language, { granularity: 'sentence' });
  const sentences: { start: number; text: string }[] = [];
  // A list or a table has no full stops: each of its lines is a sentence. In prose a line end inside one is none.
  for (const { index, 0: block } of text.matchAll(/(?:(?!\n\s*\n|\n[ \t]*(?:[-*+|>#]|\d+[.)])[ \t])[^])+/gu)) {
    for (const { segment, index: at } of segmenter.segment(block.replaceAll('\n', ' '))) {
      // White space, and marks that close the sentence before: `**Short.** Then …`.
      const lead = /^(?:[*_"”)]+(?=\s))?\s*/u.exec(segment)?.[0].length ?? 0;
      const length = segment.slice(lead).trimEnd().length;
      if (length === 0) continue;
      const start = index + at + lead;
      sentences.push({ start, text: text.slice(start, start + length) });
    }
  }
  return sentences;
}
