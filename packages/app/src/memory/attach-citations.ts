import { createAnalyzer, type Analyzer } from '@gemma-cli/rag-core';
import type { Citation, Passage } from '../passages.ts';
import { readSource, type SourceState } from './read-source.ts';

/** Least share of a sentence's content terms that its quote must have. */
export const supportMin = 0.6;

/** What citations are made with. */
export interface CitationOptions {
  /** ISO 639-1. Default `en`. */
  readonly language?: string | undefined;
  /** Looks at a source again. Default: files are read. */
  readonly readSource?: ((uri: string) => Promise<SourceState>) | undefined;
}

/**
 * Attaches to each sentence of an answer the span of a passage that overlaps with it most, and checks it: the quote must
 * occur in the source's bytes, and hold most of what the sentence says. A sentence without a content term, such as `It is.`,
 * needs none.
 */
export async function attachCitations(
  answer: string,
  passages: readonly Passage[],
  { language = 'en', readSource: read = readSource }: CitationOptions = {},
): Promise<readonly Citation[]> {
  if (passages.length === 0) return [];
  const analyzer = await createAnalyzer({ language });
  const spans = passages.flatMap((passage) => spansOf(passage, analyzer, language));
  const sources = new Map<string, Promise<SourceState>>();
  const sourceOf = (uri: string): Promise<SourceState> => {
    const known = sources.get(uri) ?? read(uri);
    sources.set(uri, known);
    return known;
  };
  const citations: Citation[] = [];
  for (const { text: sentence } of sentencesOf(answer, language)) {
    const terms = contentTerms(sentence, analyzer);
    if (terms.size === 0) continue;
    const n = citations.length + 1;
    const best = bestSpan(terms, spans);
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
      checked: occurs && best.share >= supportMin,
      producedBy: 'attached',
      stale,
    });
  }
  return citations;
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
  readonly terms: ReadonlySet<string>;
}

/** Sentences of a passage, and neighbours of them in twos and threes. */
function spansOf(passage: Passage, analyzer: Analyzer, language: string): readonly Span[] {
  const { text } = passage;
  const sentences = sentencesOf(text, language);
  return sentences.flatMap(({ start }, at) =>
    [0, 1, 2].flatMap((more) => {
      const last = sentences[at + more];
      if (last === undefined) return [];
      const quote = text.slice(start, last.start + last.text.length);
      return [{ passage, start, quote, terms: new Set(analyzer.analyze(quote)) }];
    }),
  );
}

function bestSpan(
  terms: ReadonlySet<string>,
  spans: readonly Span[],
): { readonly span: Span; readonly share: number } | undefined {
  let best: { readonly span: Span; readonly share: number } | undefined;
  for (const span of spans) {
    let shared = 0;
    for (const term of terms) if (span.terms.has(term)) shared += 1;
    const share = shared / terms.size;
    const isBetter =
      share > (best?.share ?? 0) ||
      (best !== undefined && share === best.share && span.quote.length < best.span.quote.length);
    if (share > 0 && isBetter) best = { span, share };
  }
  return best;
}

/** What a sentence says: its terms without stop words. */
function contentTerms(sentence: string, analyzer: Analyzer): ReadonlySet<string> {
  return new Set(analyzer.query(sentence).flatMap(({ term, isStopWord }) => (isStopWord ? [] : [term])));
}

/** Sentences and lines of a text, without the white space around them. */
function sentencesOf(text: string, language: string): readonly { readonly start: number; readonly text: string }[] {
  const segmenter = new Intl.Segmenter(language, { granularity: 'sentence' });
  const sentences: { start: number; text: string }[] = [];
  // A list or a table has no full stops: each of its lines is a sentence. In prose a line end inside one is none.
  for (const { index, 0: block } of text.matchAll(/(?:(?!\n\s*\n|\n[ \t]*(?:[-*+|>#]|\d+[.)])[ \t])[^])+/gu)) {
    for (const { segment, index: at } of segmenter.segment(block.replaceAll('\n', ' '))) {
      const lead = segment.length - segment.trimStart().length;
      const length = segment.trim().length;
      if (length === 0) continue;
      const start = index + at + lead;
      sentences.push({ start, text: text.slice(start, start + length) });
    }
  }
  return sentences;
}
