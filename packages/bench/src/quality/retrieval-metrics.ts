import { seededRandom } from '@gemma-cli/bench-kit';
import type { Judgements } from './collection.ts';
import type { TrecRun } from './trec-run.ts';

/** How well a ranking answers, each 0..1. */
export interface RetrievalFigures {
  /** Normalised discounted cumulative gain of the first 10: grades count as they are, discount log2(rank + 1). */
  readonly ndcg10: number;
  /** Share of the relevant entries among the first 100. */
  readonly recall100: number;
  /** 1 / rank of the first relevant entry of the first 10; 0 when there is none. */
  readonly mrr10: number;
}

/** Figures of a run. */
export interface RunEvaluation {
  /** Means over the judged queries. */
  readonly mean: RetrievalFigures;
  /** Queries with at least one judgement, relevant or not. One that the run lacks counts with 0. */
  readonly byQuery: ReadonlyMap<string, RetrievalFigures>;
}

/**
 * Measures a run as `trec_eval -c -m ndcg_cut.10 -m recall.100` does, and `-M 10 -m recip_rank`: an entry is relevant
 * from grade 1 on, and entries without a judgement are not relevant.
 */
export function evaluateRun(run: TrecRun, judgements: Judgements): RunEvaluation {
  const byQuery = new Map<string, RetrievalFigures>();
  for (const [query, judged] of judgements) {
    const ranking = (run.get(query) ?? []).map(({ id }) => id);
    byQuery.set(query, figuresOf(ranking, judged));
  }
  return { mean: meanOf([...byQuery.values()]), byQuery };
}

/** Figures of one ranking. */
export function figuresOf(ranking: readonly string[], judged: ReadonlyMap<string, number>): RetrievalFigures {
  const gradeOf = (id: string): number => Math.max(0, judged.get(id) ?? 0);
  const best = [...judged.values()].filter((grade) => grade > 0).toSorted((one, other) => other - one);
  const ideal = gainOf(best.slice(0, 10));
  const first = ranking.slice(0, 10).findIndex((id) => gradeOf(id) > 0);
  const found = ranking.slice(0, 100).filter((id) => gradeOf(id) > 0).length;
  return {
    ndcg10: ideal === 0 ? 0 : gainOf(ranking.slice(0, 10).map(gradeOf)) / ideal,
    recall100: best.length === 0 ? 0 : found / best.length,
    mrr10: first === -1 ? 0 : 1 / (first + 1),
  };
}

/** Means of figures; 0 of none. */
export function meanOf(figures: readonly RetrievalFigures[]): RetrievalFigures {
  const mean = (of: (one: RetrievalFigures) => number): number =>
    figures.length === 0 ? 0 : figures.reduce((sum, one) => sum + of(one), 0) / figures.length;
  return {
    ndcg10: mean((one) => one.ndcg10),
    recall100: mean((one) => one.recall100),
    mrr10: mean((one) => one.mrr10),
  };
}

/** What a paired comparison of two runs says of one metric. */
export interface PairedComparison {
  /** Mean of the first minus that of the second. */
  readonly difference: number;
  /** 1.96 standard errors of the paired difference: smaller ones are not real. */
  readonly smallestReal: number;
  /** Two-sided p of a randomisation test: how often a difference as large comes of swapping the two by chance. */
  readonly p: number;
}

/**
 * Compares two runs query by query with a randomisation test (Smucker, Allan and Carterette 2007).
 *
 * @param one - A value per query.
 * @param other - Values of the same queries in the same order.
 * @param rounds - Random swaps. Default 10,000, which tells p to about 0.01.
 */
export function comparePaired(
  one: readonly number[],
  other: readonly number[],
  { seed = 1, rounds = 10_000 }: { readonly seed?: number; readonly rounds?: number } = {},
): PairedComparison {
  const differences = one.map((value, index) => value - (other[index] ?? 0));
  const n = differences.length;
  if (n === 0) return { difference: 0, smallestReal: 0, p: 1 };
  const sum = differences.reduce((total, value) => total + value, 0);
  const variance = differences.reduce((total, value) => total + (value - sum / n) ** 2, 0) / Math.max(1, n - 1);
  const random = seededRandom(seed);
  let asLarge = 0;
  for (let round = 0; round < rounds; round += 1) {
    let swapped = 0;
    for (const value of differences) swapped += random() < 0.5 ? value : -value;
    // The same sum in another order differs in its last digits.
    if (Math.abs(swapped) >= Math.abs(sum) - 1e-12) asLarge += 1;
  }
  return { difference: sum / n, smallestReal: 1.96 * Math.sqrt(variance / n), p: (asLarge + 1) / (rounds + 1) };
}

function gainOf(grades: readonly number[]): number {
  return grades.reduce((sum, grade, index) => sum + grade / Math.log2(index + 2), 0);
}
