import { unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { MemoryDurability, MemoryStore, MemoryStoreOptions } from '@gemma-cli/contracts';
import { faultNow } from './fault-disk.ts';
import { takeStoryStep } from './memory-story.ts';
import type { StoryStep } from './memory-story.ts';

/** What a process does that does not live to its end. */
export interface CrashOrder {
  /** Address of a module with `create`, and with `tend` where an index can be tended at will. */
  readonly module: string;
  readonly folder: string;
  readonly steps: readonly StoryStep[];
  /** Default `durable`. */
  readonly durability?: MemoryDurability;
  /** Where it ends by itself: before a step, after it, or after it told so. Default: in the end. */
  readonly end?: { readonly when: 'before' | 'after' | 'told'; readonly step: number };
}

/** What {@link CrashOrder.module} exports. */
export interface CrashModule {
  create(options: MemoryStoreOptions): Promise<MemoryStore>;
  tend?(store: MemoryStore): void;
}

process.once('message', (order) => {
  void work(order as CrashOrder);
});
process.send?.('ready');

/** Tells what it does on stdout: `open`, `begin N`, `done N`, or `failed CODE`. */
async function work({ module, folder, steps, durability, end }: CrashOrder): Promise<void> {
  const { create, tend } = (await import(module)) as CrashModule;
  const tell = (line: string): void => {
    writeSync(1, `${line}\n`);
  };
  const dieAt = (when: 'before' | 'after' | 'told', step: number): void => {
    if (end?.when === when && end.step === step) die();
  };
  const die = (): void => {
    unlinkSync(join(folder, faultNow));
  };
  try {
    let store = await create({ folder, durability });
    tell('open');
    for (const [index, step] of steps.entries()) {
      dieAt('before', index);
      tell(`begin ${index}`);
      if (step.type === 'tend') tend?.(store);
      if (step.type === 'reopen') {
        await store.close();
        store = await create({ folder, durability });
      }
      await takeStoryStep(store, step);
      dieAt('after', index);
      tell(`done ${index}`);
      dieAt('told', index);
    }
    await store.close();
    tell('closed');
  } catch (error) {
    tell(`failed ${String((error as { code?: unknown }).code)}`);
  }
  die();
}
