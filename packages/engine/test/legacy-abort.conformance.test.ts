import { tryEngine, untilFault, untilGone } from '@gemma-cli/testkit';
import { expect, it } from 'vitest';
import { create } from '../src/index.ts';

it('an abort does not wait for a stalled batch, however long the process is given to obey', async () => {
  // In the middle of the prompt, and in its last chunk, which is evaluated with the first token.
  for (const [after, text] of [
    [64, 'a prompt of several chunks. '.repeat(10)],
    [0, 'short'],
  ] as const) {
    const script = { faults: [{ at: 'evaluate', after, do: 'delay', ms: 50_000 } as const] };
    await tryEngine(create, { script, options: { abortMsMax: 50_000 } }, async (trial) => {
      const controller = new AbortController();
      const answer = trial.ask(text, {}, { signal: controller.signal });
      await untilFault(trial);
      controller.abort();
      expect((await answer).end?.reason).toBe('aborted');
      await untilGone(trial.pids()[0]);
    });
  }
}, 20_000);
