import type { Engine, EngineOptions } from '@gemma-cli/contracts';
import { createWarmEngine } from '../src/optimized-engine.ts';

/** The engine on a machine that does not tell of idle cores, so that what else runs on this one decides nothing. */
export function createOnQuietMachine(options: EngineOptions): Promise<Engine> {
  return createWarmEngine(options, { createIdleMeter: () => () => undefined });
}
