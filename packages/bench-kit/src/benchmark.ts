/** How a smaller number is to be read. `neither`: the metric is shown and never judged. */
export type BetterDirection = 'lower' | 'higher' | 'neither';

/**
 * What the harness itself takes of every measured process:
 * - `wallMs`: from just before spawn to the exit of the process.
 * - `firstByteMs`: from just before spawn to the first byte on stdout.
 * - `sentByteMs`: from just before spawn to the first byte on file descriptor {@link sentFd}, the stand-in for a socket.
 * - `cpuMs`: user and system time of the process itself, up to the moment its exit begins. Node programs only.
 * - `treeCpuMs`: the same plus the descendants it has waited for, whose part comes in steps of 10 ms. Linux only.
 * - `peakRssMiB`: the most memory that the process itself held. Node programs only.
 */
export type OutsideMetric = 'wallMs' | 'firstByteMs' | 'sentByteMs' | 'cpuMs' | 'treeCpuMs' | 'peakRssMiB';

/** One number that every run of a benchmark gives. */
export interface MetricDefinition {
  /** Unit last, as in `wallMs`. Unique in its benchmark. */
  readonly name: string;
  /** Unit in words for tables: `ms`, `MiB`, `tokens/s`. */
  readonly unit: string;
  readonly better: BetterDirection;
  /** Who takes it: the harness, or the measured process by `reportSample`. */
  readonly source: 'outside' | 'reported';
}

/** What is started. */
export type VariantProgram =
  | {
      /** A module in a fresh Node process. */
      readonly type: 'node';
      /** Absolute path of the module. */
      readonly module: string;
      /** Arguments after the module. Default: none. */
      readonly args?: readonly string[];
      /** Options of Node before the module. Default: none. */
      readonly nodeArgs?: readonly string[];
      /** The Node that runs it. Default: the one that runs the harness. */
      readonly nodePath?: string;
    }
  | {
      /** Any executable. Its CPU time and memory cannot be taken and are `null`. */
      readonly type: 'command';
      readonly command: string;
      /** Default: none. */
      readonly args?: readonly string[];
    };

/** What a run must show to be a sample. A run that does not is an error, never a sample. */
export interface VariantExpectation {
  /** The implementation that the process must report. Default: none is asked for. */
  readonly implementation?: string;
  /** Default 0. */
  readonly exitCode?: number;
  /** A text that must occur in the first 64 KiB of stdout: proof that the program did its work. Default: none. */
  readonly stdoutIncludes?: string;
}

/** One of the things compared. */
export interface Variant {
  /** Unique in its benchmark. */
  readonly name: string;
  readonly program: VariantProgram;
  /** Variables set on top of the harness's environment. Default: none. */
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory. Default: the one of the harness. */
  readonly cwd?: string;
  readonly expects?: VariantExpectation;
}

/** A goal for the median of one metric of a variant. */
export type Aim = {
  readonly variant: string;
  readonly metric: string;
} & (
  | {
      /** How far it may lie beyond the median of the baseline, in the unit of the metric. */
      readonly beyondBaselineMax: number;
    }
  | {
      /** How far it may lie beyond the median of another variant, in the unit of the metric. */
      readonly beyondMax: number;
      readonly of: string;
    }
  | {
      /** The least or the most of it, as a multiple of the median of another variant. */
      readonly timesMin: number;
      readonly of: string;
    }
  | { readonly timesMax: number; readonly of: string }
  | {
      /** The least or the most of it, in the unit of the metric. */
      readonly atLeast: number;
    }
  | { readonly atMost: number }
);

/** A comparison of variants on the same work. */
export interface Benchmark {
  readonly name: string;
  /** One sentence: what question the figures answer. */
  readonly summary: string;
  /** The first is the baseline that all others are compared with. */
  readonly variants: readonly Variant[];
  readonly metrics: readonly MetricDefinition[];
  /** Rounds that count. Every round runs every variant once, in an order that flips. Integer >= 1. */
  readonly rounds: number;
  /** Rounds before them that are thrown away. Default 1. */
  readonly warmups?: number;
  /** Deadline of one process, in milliseconds. Default 60,000. */
  readonly timeoutMs?: number;
  /**
   * Where CPU time and memory come from. `same-process`: from the run whose wall time is taken, the probe's own
   * included. `extra-process`: from a second run right after, so that wall time is untouched. Default 'same-process'.
   */
  readonly usageFrom?: 'same-process' | 'extra-process';
  /** Default: none. */
  readonly aims?: readonly Aim[];
}

/** The file descriptor on which a measured program writes what it would send over a socket. */
export const sentFd = 3;

/** The file descriptor on which a measured process reports to the harness. */
export const reportFd = 4;

/** Defaults of a benchmark, each with its reason. */
export const benchmarkDefaults = {
  /** The first run pays for the file cache; later ones do not. */
  warmups: 1,
  /** Longer than any honest start; a hang does not stop the night. */
  timeoutMs: 60_000,
} as const;
