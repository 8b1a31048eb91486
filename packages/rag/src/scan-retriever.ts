import { isGemmaError } from '@gemma-cli/contracts';
import type {
  DenseQuery,
  LexicalQuery,
  QueryTerm,
  RecordChange,
  RecordRow,
  RecordStore,
  Retriever,
  RowSet,
  ScoreParts,
  ScoredRow,
  TermPart,
} from '@gemma-cli/contracts';
import { bm25Defaults, inverseDocumentFrequency, searchedText, stopWordScale, termScore } from '@gemma-cli/rag-core';
import type { Analyzer } from '@gemma-cli/rag-core';

/** What {@link createScanRetriever} takes. */
export interface ScanRetrieverParts {
  readonly record: RecordStore;
  /** Makes the terms of rows; queries come as its terms. */
  readonly analyzer: Analyzer;
  /** Whose vectors are compared. `null` = none. */
  readonly embedId: string | null;
}

/** What is kept of a row: enough to score it, not to show it. */
interface ScannedRow {
  /** What its vector was made of: another text needs another one. `null` where there are no vectors. */
  readonly text: string | null;
  /** How often it has each term. */
  readonly frequencies: ReadonlyMap<string, number>;
  /** Terms, stop words included. */
  readonly length: number;
}

/** A term of a query, with what all rows together say about it. */
interface WeighedTerm extends QueryTerm {
  readonly documentFrequency: number;
  readonly idf: number;
}

const pageRows = 1_000;

/**
 * Finds rows by looking at every one. Its terms are made once, when a row is added or the record is opened. What the
 * index of the optimized memory finds is held against what this finds.
 */
export function createScanRetriever({ record, analyzer, embedId }: ScanRetrieverParts): Retriever {
  const rows = new Map<number, ScannedRow>();
  const documentFrequencies = new Map<string, number>();
  const vectors = new Map<number, Float32Array>();
  let totalLength = 0;
  /** Position of the last change that is taken over, and of the last vector. */
  let seq = 0;
  let vectorSeq = 0;

  readAll();

  /** What is written meanwhile comes again as a change. */
  function readAll(): void {
    clear();
    seq = record.seq();
    let page = record.scan(0, pageRows);
    while (page.length > 0) {
      for (const row of page) put(row);
      page = record.scan(page.at(-1)?.number ?? 0, pageRows);
    }
  }

  function clear(): void {
    rows.clear();
    documentFrequencies.clear();
    vectors.clear();
    totalLength = 0;
    vectorSeq = 0;
  }

  function put({ number, row }: RecordRow): void {
    const text = searchedText(row);
    if (rows.get(number)?.text === text) return;
    remove(number);
    const terms = analyzer.analyze(text);
    const frequencies = new Map<string, number>();
    for (const term of terms) frequencies.set(term, (frequencies.get(term) ?? 0) + 1);
    for (const term of frequencies.keys()) documentFrequencies.set(term, (documentFrequencies.get(term) ?? 0) + 1);
    rows.set(number, { text: embedId === null ? null : text, frequencies, length: terms.length });
    totalLength += terms.length;
  }

  function remove(number: number): void {
    const row = rows.get(number);
    if (row === undefined) return;
    rows.delete(number);
    vectors.delete(number);
    totalLength -= row.length;
    for (const term of row.frequencies.keys()) {
      const left = (documentFrequencies.get(term) ?? 0) - 1;
      if (left <= 0) documentFrequencies.delete(term);
      else documentFrequencies.set(term, left);
    }
  }

  function takeChanges(): void {
    for (;;) {
      const changes = changesAfter(record, seq);
      if (changes === null) {
        readAll();
        continue;
      }
      const numbers = [...new Set(changes.map(({ number }) => number))];
      const present = record.byNumber(numbers);
      for (const [index, number] of numbers.entries()) {
        const row = present[index];
        if (row === undefined) remove(number);
        else put(row);
      }
      seq = changes.at(-1)?.seq ?? seq;
      if (changes.length < pageRows) return;
    }
  }

  function takeVectors(): void {
    if (embedId === null) return;
    for (;;) {
      const page = record.vectors(embedId, vectorSeq, pageRows);
      // What was written meanwhile may be new texts with their vectors: the texts come first.
      if (record.seq() !== seq) takeChanges();
      else {
        for (const { number, vector } of page) if (rows.has(number)) vectors.set(number, vector);
        vectorSeq = page.at(-1)?.seq ?? vectorSeq;
        if (page.length < pageRows) return;
      }
    }
  }

  function weigh(term: QueryTerm): WeighedTerm {
    const documentFrequency = documentFrequencies.get(term.term) ?? 0;
    return { ...term, documentFrequency, idf: inverseDocumentFrequency(documentFrequency, rows.size) };
  }

  /** Shares of the terms that a row has, in the order of the query. */
  function shares(row: ScannedRow, terms: readonly WeighedTerm[]): readonly TermPart[] {
    const averageLength = totalLength / rows.size;
    return terms.flatMap(({ term, count, documentFrequency, idf }): readonly TermPart[] => {
      const frequency = row.frequencies.get(term);
      if (frequency === undefined) return [];
      const score = count * termScore(frequency, row.length, averageLength, idf, bm25Defaults);
      return [{ term, frequency, documentFrequency, score }];
    });
  }

  return {
    implementation: 'legacy',
    exact: true,

    sync() {
      takeChanges();
      takeVectors();
      // Both only grow, so that their sum stays the same only where both do.
      return seq + vectorSeq;
    },

    lexical({ terms, limit, allowed, hidden, explain }: LexicalQuery) {
      const weighed = terms.map(weigh);
      const content = weighed.filter(({ isStopWord }) => !isStopWord);
      const stopWords = weighed.filter(({ isStopWord }) => isStopWord);
      const found: ScoredRow[] = [];
      for (const [number, row] of rows) {
        if (!isWanted(number, allowed, hidden)) continue;
        const ofContent = shares(row, content);
        const isOfContent = ofContent.length > 0;
        const parts = isOfContent ? ofContent : shares(row, stopWords);
        if (parts.length === 0) continue;
        const scale = isOfContent || content.length === 0 ? 1 : stopWordScale;
        const score = scale * parts.reduce((sum, part) => sum + part.score, 0);
        found.push({ number, score, ...(explain ? { parts: explained(parts, score, scale) } : {}) });
      }
      return best(found, limit);
    },

    dense({ vector, limit, allowed, hidden }: DenseQuery) {
      const found: ScoredRow[] = [];
      for (const [number, other] of vectors)
        if (isWanted(number, allowed, hidden)) found.push({ number, score: dotProduct(vector, other) });
      return best(found, limit);
    },

    stats() {
      let postings = 0;
      for (const { frequencies } of rows.values()) postings += frequencies.size;
      const index = {
        terms: documentFrequencies.size,
        postings,
        segments: 1,
        vectors: vectors.size,
        memoryBytes: null,
      };
      return { index, indexBytes: 0 };
    },

    verify: () => [],
    work: () => false,

    close: clear,
  };
}

/** `null` = the record does not keep them any more, or it is another one. */
function changesAfter(record: RecordStore, seq: number): readonly RecordChange[] | null {
  try {
    return record.changes(seq, pageRows);
  } catch (error) {
    if (isGemmaError(error) && error.code === 'MEMORY_CHANGES_GONE') return null;
    throw error;
  }
}

function explained(parts: readonly TermPart[], score: number, scale: number): ScoreParts {
  return { lexical: { score, terms: parts.map((part) => ({ ...part, score: scale * part.score })) } };
}

function isWanted(number: number, allowed: RowSet | null, hidden: RowSet | null): boolean {
  return allowed?.has(number) !== false && hidden?.has(number) !== true;
}

function best(found: readonly ScoredRow[], limit: number): readonly ScoredRow[] {
  return found.toSorted((one, other) => other.score - one.score || one.number - other.number).slice(0, limit);
}

/** The cosine of two vectors of length 1. */
function dotProduct(one: Float32Array, other: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < one.length; index++) sum += (one[index] ?? 0) * (other[index] ?? 0);
  return sum;
}
