import type { WorkerSpec } from '@gemma-cli/contracts';
import type { Connect } from './thin/connection.ts';

/** What commands that make answers get beside their context. */
export interface CommandServices {
  /** Opens a way to whoever answers. */
  readonly connect: Connect;
  /** The model process to use in place of the llama.cpp worker. */
  readonly worker: WorkerSpec | undefined;
}
