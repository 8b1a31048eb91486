import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineEvent } from '@gemma-cli/contracts';
import { tryEngine } from '@gemma-cli/testkit';
import type { EngineTrial } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { create } from '../src/index.ts';
import { createWarmEngine } from '../src/optimized-engine.ts';

/** What an answer tells of its threads. */
function changes(events: readonly EngineEvent[]): readonly (EngineEvent & { readonly type: 'threads-changed' })[] {
  return events.flatMap((event) => (event.type === 'threads-changed' ? [event] : []));
}

/** What the model process was told and did: threads that were set, and `batch` for each part of a prompt. */
function order(trial: EngineTrial): readonly unknown[] {
  return trial.journal().flatMap((entry): readonly unknown[] => {
    if (entry.event === 'call' && entry.operation === 'set-threads') return [entry.params['threads']];
    return entry.event === 'evaluate' ? ['batch'] : [];
  });
}

describe('the idle cores', () => {
  it('decide over the threads before the first batch after a load, and are left alone while batches follow', async () => {
    let readings = 0;
    // The first reading is where it counts from; loading took a core of its own beside the one that is idle.
    const createIdleMeter = () => () => ((readings += 1) === 1 ? undefined : 1);
    await tryEngine(
      (options) => createWarmEngine(options, { createIdleMeter }),
      { options: { threads: 6 } },
      async (trial) => {
        const { events } = await trial.ask('x'.repeat(200), { maxTokens: 2 });
        expect(changes(events)[0]).toMatchObject({
          from: 6,
          to: 2,
          reason: expect.stringContaining('2.0 of 6 cores are free before the first batch'),
        });
        expect(order(trial).slice(0, 2)).toEqual([2, 'batch']);
        expect(readings).toBe(2);
        const next = await trial.ask('x'.repeat(300), { maxTokens: 2 });
        expect(changes(next.events).filter(({ reason }) => reason.includes('before the first batch'))).toEqual([]);
      },
    );
  });

  it('decide again after a pause', async () => {
    let idle: number | undefined = 6;
    const createIdleMeter = () => () => idle;
    await tryEngine(
      (options) => createWarmEngine(options, { createIdleMeter }),
      { options: { threads: 6 } },
      async (trial) => {
        expect(changes((await trial.ask('one', { maxTokens: 2 })).events)).toEqual([]);
        idle = 0.2;
        await sleep(2_500);
        const [change] = changes((await trial.ask('two', { maxTokens: 2 })).events);
        expect(change).toMatchObject({ from: 6, reason: expect.stringContaining('free before the first batch') });
        expect(change?.to).toBeLessThan(3);
      },
    );
  });

  it('are those of this machine for everybody who makes an engine', async () => {
    const cores = cpus().length;
    const script = { faults: [{ at: 'load', do: 'delay', ms: 600 }] } as const;
    await tryEngine(create, { script, options: { threads: cores + 8 } }, async (trial) => {
      const [change] = changes((await trial.ask('hello', { maxTokens: 2 })).events);
      expect(change).toMatchObject({ from: cores + 8, reason: expect.stringContaining('free before the first batch') });
      // All of them idle, and the one that loaded.
      expect(change?.to).toBeLessThanOrEqual(cores + 1);
    });
  });
});
