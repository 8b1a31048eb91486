import { isGemmaError } from '@gemma-cli/contracts';
import type { MemoryRow, MemoryStore, SearchHit } from '@gemma-cli/contracts';
import { createAnalyzer, estimateTokens, findNearDuplicates, type Analyzer } from '@gemma-cli/rag-core';
import type { Passage, RagMode } from '../passages.ts';
import { renderPassage } from './render-passages.ts';
import { createPassageRule } from './passage-rule.ts';
import {
  agreedGate,
  measureRelevance,
  nearestRows,
  passGate,
  statementGate,
  type Relevance,
} from './relevance-gate.ts';

/** What passages are looked for with. */
export interface FindPassagesOptions {
  /** `auto`: only what passes the relevance gate. `on`: the best ones, whatever they are. */
  readonly mode: Exclude<RagMode, 'off'>;
  /** Most tokens of all passages together, estimated. */
  readonly tokensMax: number;
  /** The conversation in which it is asked. Default: none. */
  readonly session?: string | undefined;
  /** ISO 639-1. */
  readonly language: string;
  readonly signal?: AbortSignal | undefined;
  /** Called with one line when nothing could be found by its meaning. Default: silence. */
  readonly log?: ((message: string) => void) | undefined;
}

/** Hits that are looked at, and passages that go into a prompt. */
const hitsMax = 12;
/** Hits that are found: some may be words of this conversation, or of the model. */
const foundMax = 3 * hitsMax;
const passagesMax = 6;
/** Passages of one source: an answer that rests on one page alone is rarely better for a fourth part of it. */
const passagesOfSourceMax = 3;
/** Of a question so much is looked for: a text that was pasted is no longer question for having more. */
const questionCharsMax = 2_000;
/** Of its terms so many are weighed: each that no hit has costs a search of its own. */
const termsMax = 32;

/**
 * Looks for passages that help to answer a question: gated, without near duplicates, a few of each source, as many as fit.
 * They come in the order of their relevance, numbered from 1. Those that go into a prompt count as used.
 *
 * Words open the gate, by themselves or with less of them where meaning agrees. Where it is open, and rows have vectors,
 * passages come in the order of words and meaning, and with those that pass by their words come those that are nearer in
 * meaning than any of them.
 */
export async function findPassages(
  memory: MemoryStore,
  question: string,
  { mode, tokensMax, session, language, signal, log }: FindPassagesOptions,
): Promise<readonly Passage[]> {
  const query = question.slice(0, questionCharsMax).trim();
  if (query === '') return [];
  const analyzer = await createAnalyzer({ language });
  const mayStand = createPassageRule({ question: query, session, analyzer, language });
  const search = async (by: 'lexical' | 'hybrid'): Promise<readonly SearchHit[]> => {
    const found = await memory.search({ query, mode: by, limit: foundMax, explain: true }, { signal });
    return found.hits.filter(({ row }) => mayStand(row)).slice(0, hitsMax);
  };
  const byWords = await search('lexical');
  const passed = mode === 'on' ? byWords : await gated(memory, { query, hits: byWords, analyzer, signal, log });
  if (mode === 'auto' && passed.length === 0) return [];
  const nearby = (await vectorsOf(memory)) > 0 ? await byMeaning(() => search('hybrid'), log) : null;
  const chosen = nearby === null ? passed : mode === 'on' ? nearby : beside(passed, nearby);
  if (chosen.length === 0) return [];
  const passages = withinBudget(capped(chosen, analyzer), tokensMax);
  memory.touch(passages.map(({ id }) => id));
  return passages;
}

/** How relevant hits are to a question. Exported so that the gate can be measured. */
export async function relevanceOf(
  memory: MemoryStore,
  {
    query,
    hits,
    analyzer,
  }: { readonly query: string; readonly hits: readonly SearchHit[]; readonly analyzer: Analyzer },
): Promise<{ readonly relevances: readonly Relevance[]; readonly terms: number }> {
  const terms = analyzer
    .query(query)
    .filter(({ isStopWord }) => !isStopWord)
    .slice(0, termsMax);
  const frequencies = new Map<string, number>();
  const passages = hits.map(({ parts }) => {
    const found = parts?.lexical?.terms ?? [];
    for (const { term, documentFrequency } of found) frequencies.set(term, documentFrequency);
    return new Set(found.map(({ term }) => term));
  });
  const weighed = await Promise.all(
    terms.map(async ({ term }) => ({
      term,
      documentFrequency: frequencies.get(term) ?? (await documentFrequency(memory, term)),
    })),
  );
  const { rows } = await memory.stats();
  return { relevances: measureRelevance(weighed, passages, rows.total), terms: terms.length };
}

/** How many rows have a term that none of the best hits has. */
async function documentFrequency(memory: MemoryStore, term: string): Promise<number> {
  const { hits } = await memory.search({ query: term, mode: 'lexical', limit: 1, explain: true });
  return hits[0]?.parts?.lexical?.terms.find((part) => part.term === term)?.documentFrequency ?? 0;
}

/** What a question is let in with. */
interface GatedQuestion extends Pick<FindPassagesOptions, 'signal' | 'log'> {
  readonly query: string;
  readonly hits: readonly SearchHit[];
  readonly analyzer: Analyzer;
}

async function gated(memory: MemoryStore, question: GatedQuestion): Promise<readonly SearchHit[]> {
  const { relevances, terms } = await relevanceOf(memory, question);
  const passes = passGate(relevances, terms);
  const states = passGate(relevances, terms, statementGate);
  // Of conversations only statements have come so far.
  const passed = question.hits.filter(
    ({ row }, at) => passes[at] === true || (row.session !== null && states[at] === true),
  );
  if (passed.length > 0) return passed;
  // The embedding model is loaded only for what nearly passes.
  const [nearly = false] = passGate(relevances.slice(0, 1), terms, agreedGate);
  if (!nearly || !(await isNearest(memory, question))) return [];
  const agreed = passGate(relevances, terms, agreedGate);
  return question.hits.filter(({ row }, at) => row.session === null && agreed[at] === true);
}

/** Whether the best hit by words, where it is no chat's, is among the rows that are nearest in meaning. */
async function isNearest(memory: MemoryStore, { query, hits, signal, log }: GatedQuestion): Promise<boolean> {
  const [best] = hits;
  const limit = nearestRows(await vectorsOf(memory));
  if (best === undefined || best.row.session !== null || limit === 0) return false;
  // Of all rows, chats included: where these are many and near, words must do.
  const nearest = await byMeaning(
    async () => (await memory.search({ query, mode: 'dense', limit }, { signal })).hits,
    log,
  );
  return nearest?.some(({ row }) => row.id === best.row.id) === true;
}

/** How many rows can be found by their meaning. */
async function vectorsOf(memory: MemoryStore): Promise<number> {
  return memory.capabilities.dense ? (await memory.stats()).index.vectors : 0;
}

/** `null`: the embedding model fails, and words must do. */
async function byMeaning(
  search: () => Promise<readonly SearchHit[]>,
  log: FindPassagesOptions['log'],
): Promise<readonly SearchHit[] | null> {
  try {
    return await search();
  } catch (error) {
    if (!isGemmaError(error) || error.code === 'ABORTED') throw error;
    log?.(`Passages are found by their words alone: ${error.message}`);
    return null;
  }
}

/**
 * Of hits by words and meaning, in their order, those that passed the gate by their words, and those that are nearer to the
 * question than all of them: no measure of nearness means the same for two embedding models, but which is nearer does.
 */
function beside(passed: readonly SearchHit[], nearby: readonly SearchHit[]): readonly SearchHit[] {
  const ids = new Set(passed.map(({ row }) => row.id));
  const cosineOf = ({ parts }: SearchHit): number => parts?.dense?.cosine ?? -1;
  const nearest = Math.max(...nearby.filter(({ row }) => ids.has(row.id)).map(cosineOf));
  const chosen = nearby.filter((hit) => ids.has(hit.row.id) || (nearest > -1 && cosineOf(hit) > nearest));
  const there = new Set(chosen.map(({ row }) => row.id));
  return [...chosen, ...passed.filter(({ row }) => !there.has(row.id))];
}

/** Of near duplicates the best, of each source a few. */
function capped(hits: readonly SearchHit[], analyzer: Analyzer): readonly MemoryRow[] {
  const doubles = new Set(
    findNearDuplicates(hits.map(({ row }) => analyzer.analyze(row.text))).map(({ other }) => other),
  );
  const ofSource = new Map<string, number>();
  return hits.flatMap(({ row }, at) => {
    if (doubles.has(at)) return [];
    const source = row.source?.uri ?? row.id;
    const count = (ofSource.get(source) ?? 0) + 1;
    ofSource.set(source, count);
    return count > passagesOfSourceMax ? [] : [row];
  });
}

function withinBudget(rows: readonly MemoryRow[], tokensMax: number): readonly Passage[] {
  const passages: Passage[] = [];
  let tokens = 0;
  for (const row of rows) {
    if (passages.length === passagesMax) break;
    const passage = passageOf(row, passages.length + 1);
    const cost = estimateTokens(renderPassage(passage));
    // A smaller one further down may still fit.
    if (tokens + cost > tokensMax) continue;
    tokens += cost;
    passages.push(passage);
  }
  return passages;
}

function passageOf({ id, kind, text, title, source, session }: MemoryRow, n: number): Passage {
  return {
    n,
    id,
    kind,
    // What was said was not read anywhere: it is its own source.
    uri: source?.uri ?? `memory:${id}`,
    hash: source?.hash ?? null,
    start: source?.start ?? 0,
    end: source?.end ?? text.length,
    title,
    text,
    ...(session === null ? {} : { session }),
  };
}
