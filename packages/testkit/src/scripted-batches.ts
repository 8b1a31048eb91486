import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { BatchWork, JournalLine } from './worker-journal.ts';
import type { WorkerScript } from './worker-script.ts';

/** What a decoding batch is said to take when the script names no time: steady, so that no noise looks like a slow token. */
const decodeMsDefault = 1;
/** The same for a token of a prompt. */
const evaluateMsDefault = 0.01;

/** What one sequence wants computed in the next batch. */
export interface BatchShare {
  readonly sequence: number;
  readonly does: BatchWork;
  readonly tokens: number;
  /** In a batch of its own. */
  readonly alone: boolean;
  /** Whether it was given up before its batch began; it is then left out. */
  readonly isOff: () => boolean;
  /** Computes. Given the tokens of the whole batch. */
  readonly run: (batchTokens: number) => Promise<void>;
}

/** What a batch took. */
export interface BatchCost {
  readonly ms: number;
  readonly batchTokens: number;
}

/** The one device that computes, shared by all sequences. */
export interface ScriptedBatches {
  /**
   * Waits for the next batch and computes in it. Whoever waits when a batch begins is in it, so nobody is passed over;
   * a share that wants to be alone takes its turn in order of arrival. `null` = it was given up first.
   */
  join(share: BatchShare): Promise<BatchCost | null>;
}

/** Makes the device. `sideBySide` tells whether several calls are under way, which then get the chance to share a batch. */
export function scriptedBatches(
  script: WorkerScript,
  {
    threads,
    sideBySide,
    note,
  }: {
    readonly threads: () => number;
    readonly sideBySide: () => boolean;
    readonly note: (line: JournalLine) => void;
  },
): ScriptedBatches {
  const waiting: { readonly share: BatchShare; readonly settle: (outcome: Outcome) => void }[] = [];
  let runs = false;
  let tokensDecoded = 0;

  async function runAll(): Promise<void> {
    runs = true;
    while (waiting.length > 0) {
      if (sideBySide()) await turn();
      const batch = nextBatch();
      const tokens = batch.reduce((sum, { share }) => sum + share.tokens, 0);
      const decodes = batch.filter(({ share }) => share.does === 'decode').length;
      const decodeMs = decodes === 0 ? 0 : (decodeCost() ?? decodeMsDefault);
      const ms = decodeMs + (tokens - decodes) * (script.evaluateMsPerToken ?? evaluateMsDefault);
      if (script.journalBatches === true && batch.length > 0)
        note({
          event: 'batch',
          shares: batch.map(({ share: { sequence, does, tokens: own } }) => ({ sequence, does, tokens: own })),
          ms,
          threads: threads(),
        });
      const passesMs = (decodeCost() === null ? 0 : decodeMs) * (script.timeScale ?? 1);
      if (passesMs > 0) await sleep(passesMs);
      tokensDecoded += decodes;
      for (const { share, settle } of batch) {
        try {
          await share.run(tokens);
          settle({ cost: { ms, batchTokens: tokens } });
        } catch (error) {
          settle({ error: error as Error });
        }
      }
    }
    runs = false;
  }

  function nextBatch(): typeof waiting {
    for (let index = waiting.length - 1; index >= 0; index -= 1)
      if (waiting[index]?.share.isOff() === true) waiting.splice(index, 1)[0]?.settle({ cost: null });
    if (waiting[0]?.share.alone === true) return waiting.splice(0, 1);
    const together = waiting.filter(({ share }) => !share.alone);
    const alone = waiting.filter(({ share }) => share.alone);
    waiting.splice(0, waiting.length, ...alone);
    return together;
  }

  /** Milliseconds of a decoding batch now, or `null` when the script does not say. */
  function decodeCost(): number | null {
    const now = script.contention?.find(
      ({ fromToken, toToken = Infinity }) => tokensDecoded >= fromToken && tokensDecoded < toToken,
    );
    if (now === undefined) return script.pieceMs ?? null;
    const counts = Object.keys(now.msPerTokenByThreads)
      .map(Number)
      .toSorted((a, b) => a - b);
    const nearest = counts.findLast((count) => count <= threads()) ?? counts[0];
    return nearest === undefined ? null : (now.msPerTokenByThreads[nearest] ?? null);
  }

  return {
    join: (share) =>
      new Promise((resolve, reject) => {
        waiting.push({
          share,
          settle: (outcome) => {
            if ('error' in outcome) reject(outcome.error);
            else resolve(outcome.cost);
          },
        });
        if (!runs) void runAll();
      }),
  };
}

type Outcome = { readonly cost: BatchCost | null } | { readonly error: Error };
