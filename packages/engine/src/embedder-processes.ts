import type { ModelFile } from '@gemma-cli/contracts';
import { createAdmissionQueue, singleSeat, vectorModelOpener } from '@gemma-cli/model-process';
import type { EngineSettings, ModelProcess, VectorHost } from '@gemma-cli/model-process';

/** Lends a fresh process for each call and ends it when it comes back; one call after the other. */
export function processPerCall(file: ModelFile, purpose: 'embed' | 'rank', settings: EngineSettings): VectorHost {
  const open = vectorModelOpener(file, purpose, settings);
  const queue = createAdmissionQueue({ waitingMax: settings.queueMax });
  const { take } = singleSeat();
  let current: ModelProcess | undefined;

  return {
    async lend(signal) {
      const leave = await queue.enter(take, signal);
      try {
        const opened = await open(signal, (process) => {
          current = process;
        });
        return {
          ...opened,
          async giveBack() {
            try {
              await opened.process.close();
            } finally {
              leave();
            }
          },
        };
      } catch (error) {
        leave();
        throw error;
      }
    },
    async close() {
      queue.close();
      await current?.close();
    },
  };
}
