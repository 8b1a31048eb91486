import type { Benchmark } from '@gemma-cli/bench-kit';

/** What the command line says to a suite. */
export interface SuiteOptions {
  /** Absolute path of a model file. */
  readonly model?: string | undefined;
  /** Absolute path of an embedding model's file. */
  readonly embeddingModel?: string | undefined;
  /** Threads that compute. Default: what the engines choose, or what the suite compares. */
  readonly threads?: number | undefined;
  /** Shorter work, for a look at whether everything runs: such figures say nothing. Default false. */
  readonly quick?: boolean | undefined;
  /** Where peers are looked for: `GEMMA_BENCH_LLAMA_CPP`, `GEMMA_BENCH_PYTHON` and `PATH`. Default: nowhere. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The user's home folder, below which passages are looked for. Default: none. */
  readonly home?: string | undefined;
  /** Absolute path of the folder of passages. Default: where the script that builds them puts them. */
  readonly passages?: string | undefined;
  /** Numbers of passages to search through. Default: what the suite compares. */
  readonly sizes?: readonly number[] | undefined;
}

/** What a suite wants measured. */
export interface SuitePlan {
  readonly benchmarks: readonly Benchmark[];
  /** Remembered with the figures. */
  readonly notes: Readonly<Record<string, string>>;
  /** Benchmarks that are left out, each with its reason. */
  readonly leftOut: readonly string[];
}

/** A set of benchmarks that answer one question. */
export interface Suite {
  readonly name: string;
  /** One line for `gemma-bench list`. */
  readonly summary: string;
  /**
   * Says what to run, without running it.
   *
   * @throws GemmaError `MODEL_NOT_FOUND` when the suite cannot do without a model and none is given, `FILE_UNREADABLE`
   *   with the fact `lacking: 'passages'` when it cannot do without passages.
   */
  plan(options: SuiteOptions): Promise<SuitePlan>;
}
