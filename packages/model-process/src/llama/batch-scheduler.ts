import { GemmaError } from '@gemma-cli/contracts';

/** What a native context does for a scheduler. */
export interface BatchTarget {
  initBatch(size: number): void;
  /** Adds consecutive tokens of a sequence; tells where in the batch the results of `outputs` will be. */
  addToBatch(sequence: number, position: number, tokens: Uint32Array, outputs: Uint32Array): Uint32Array;
  decodeBatch(): Promise<void>;
  /** Takes what a sequence holds from `position` on away again: a batch that failed may have left a part. */
  discard(sequence: number, position: number): void;
  setThreads(threads: number): void;
}

/** Consecutive tokens of one sequence in one batch. */
export interface BatchPart {
  readonly position: number;
  readonly tokens: Uint32Array;
  /** Indexes of the tokens after which results are wanted, ascending. */
  readonly outputs: Uint32Array;
}

/** What a batch cost. */
export interface BatchFacts {
  /** From its dispatch until every sequence in it had sampled. */
  readonly ms: number;
  readonly tokens: number;
}

/**
 * A call that wants tokens of its sequence computed. `nextPart` and `computed` are called between batches; `report`,
 * `over` and `failed` while another batch may compute: they must leave the native context alone.
 */
export interface BatchJob {
  readonly sequence: number;
  /** In batches of its own, so that its numbers do not depend on who else is there. */
  readonly alone: boolean;
  /** Whether it wants a few tokens each time, to sample from, or works through a prompt. */
  readonly phase: 'prompt' | 'decode';
  /** Nobody wants its result any more: it is asked for its next part at once, which ends it, and not in its turn. */
  readonly isAborted: boolean;
  /** What it wants in the next batch, at most `roomTokens`; `null` when it has enough. */
  nextPart(roomTokens: number): BatchPart | null;
  /** Its part was computed. The results are gone after the promise settles. */
  computed(outputs: Uint32Array): Promise<void>;
  /** The batch is over. Called while the next one computes. */
  report(facts: BatchFacts): void;
  /** It had enough, and everything was reported. Called once, unless it failed. */
  over(): void;
  /** The runtime failed, or something that the job itself threw. Called once, and nothing after it. */
  failed(error: unknown): void;
}

/** Runs the jobs of several sequences side by side on one native context. */
export interface BatchScheduler {
  add(job: BatchJob): void;
  /** Runs `work` between two batches. Works run in the order they came, one between two batches when jobs wait. */
  exclusive<Result>(work: () => Result | Promise<Result>): Promise<Result>;
  /** From the next batch on. */
  setThreads(threads: number): void;
}

/** What a scheduler is made with. */
export interface BatchSchedulerOptions {
  readonly target: BatchTarget;
  /** Most tokens of one batch. */
  readonly batchTokens: number;
  readonly threads: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/**
 * Makes a scheduler.
 *
 * Each cycle is one batch. Jobs that share batches take a turn together: one token (and what was guessed ahead) of every
 * decoding sequence, and in the room that is left a part of one prompt; the prompts take turns too. Each job that
 * computes alone has a turn of its own. So nobody waits longer than one batch of each of the others.
 */
export function createBatchScheduler({
  target,
  batchTokens,
  threads: initialThreads,
  now,
}: BatchSchedulerOptions): BatchScheduler {
  /** In the order of their turns. */
  let jobs: BatchJob[] = [];
  const works: (() => Promise<void>)[] = [];
  let wantedThreads = initialThreads;
  let threads = initialThreads;
  let isRunning = false;
  /** What the last batch still has to tell, held back until the next one computes. */
  let reports: (() => void)[] = [];

  function wake(): void {
    if (isRunning) return;
    isRunning = true;
    // Calls that come in the same tick share the first batch.
    setImmediate(() => {
      void run();
    });
  }

  async function run(): Promise<void> {
    while (jobs.length > 0 || works.length > 0 || reports.length > 0) {
      if (threads !== wantedThreads) {
        threads = wantedThreads;
        target.setThreads(threads);
      }
      const work = works.shift();
      if (work !== undefined) {
        flushReports();
        await work();
      }
      if (jobs.length > 0) await cycle();
      else flushReports();
    }
    isRunning = false;
  }

  async function cycle(): Promise<void> {
    const batch = takeTurn();
    if (batch.length === 0) {
      flushReports();
      return;
    }
    const total = batch.reduce((sum, { part }) => sum + part.tokens.length, 0);
    const start = now();
    try {
      target.initBatch(total);
      const places = batch.map(({ job, part }) =>
        target.addToBatch(job.sequence, part.position, part.tokens, part.outputs),
      );
      const computing = target.decodeBatch();
      flushReports();
      await computing;
      for (const [index, { job }] of batch.entries()) await settle(job, places[index] as Uint32Array);
    } catch (error) {
      for (const { job, part } of batch) {
        target.discard(job.sequence, part.position);
        drop(job, runtimeFailed(error));
      }
      return;
    }
    const facts = { ms: now() - start, tokens: total };
    const failed = reports;
    reports = [];
    for (const { job } of batch) if (jobs.includes(job)) reports.push(() => job.report(facts));
    reports.push(...failed);
  }

  async function settle(job: BatchJob, places: Uint32Array): Promise<void> {
    try {
      await job.computed(places);
    } catch (error) {
      drop(job, error);
    }
  }

  /** The parts of the next batch. Jobs that are over leave. */
  function takeTurn(): { readonly job: BatchJob; readonly part: BatchPart }[] {
    for (const job of jobs.filter(({ isAborted }) => isAborted)) partOf(job, batchTokens);
    const first = jobs[0];
    if (first === undefined) return [];
    if (first.alone) {
      rotate(first);
      const part = partOf(first, batchTokens);
      return part === null ? [] : [{ job: first, part }];
    }

    const batch: { job: BatchJob; part: BatchPart }[] = [];
    let room = batchTokens;
    let promptTurn: BatchJob | undefined;
    for (const job of jobs.filter(({ alone }) => !alone)) {
      if (job.phase === 'prompt') {
        promptTurn ??= job;
        continue;
      }
      const part = room === 0 ? undefined : partOf(job, room);
      if (part === null || part === undefined) continue;
      batch.push({ job, part });
      room -= part.tokens.length;
      rotate(job);
    }
    if (promptTurn !== undefined && room > 0) {
      const part = partOf(promptTurn, room);
      if (part !== null) {
        batch.push({ job: promptTurn, part });
        rotate(promptTurn);
      }
    }
    return batch;
  }

  function partOf(job: BatchJob, room: number): BatchPart | null {
    let part: BatchPart | null;
    try {
      part = job.nextPart(room);
    } catch (error) {
      drop(job, error);
      return null;
    }
    if (part === null) {
      jobs = jobs.filter((other) => other !== job);
      reports.push(() => job.over());
    }
    return part;
  }

  /** Puts a job behind all others. */
  function rotate(job: BatchJob): void {
    jobs = [...jobs.filter((other) => other !== job), job];
  }

  function drop(job: BatchJob, error: unknown): void {
    jobs = jobs.filter((other) => other !== job);
    reports.push(() => job.failed(error));
  }

  function flushReports(): void {
    const due = reports;
    reports = [];
    for (const report of due) report();
  }

  return {
    add(job) {
      jobs.push(job);
      wake();
    },
    exclusive(work) {
      return new Promise((resolve, reject) => {
        works.push(() => Promise.resolve().then(work).then(resolve, reject));
        wake();
      });
    },
    setThreads(count) {
      wantedThreads = count;
    },
  };
}

function runtimeFailed(cause: unknown): GemmaError {
  return new GemmaError({
    code: 'ENGINE_FAILED',
    message: `llama.cpp failed to compute a batch: ${(cause as Error).message}`,
    cause,
  });
}
