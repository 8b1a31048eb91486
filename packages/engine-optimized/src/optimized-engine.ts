import type { Engine, EngineOptions } from '@gemma-cli/contracts';
import { engineOnHosts, gemmaCppHost, resolveEngineOptions } from '@gemma-cli/model-process';
import { createIdleMeter } from './idle-cores.ts';
import { warmHost } from './warm-host.ts';

/**
 * Makes the optimized engine: model processes stay between requests and answer several side by side, the prefix that a
 * prompt shares with what a process or the disk remembers is not evaluated again, and threads follow what the machine has
 * to give.
 *
 * @throws GemmaError `REQUEST_INVALID` for options out of range.
 */
export async function create(options: EngineOptions = {}): Promise<Engine> {
  return createWarmEngine(options, { createIdleMeter });
}

/** What the engine knows of the machine beside its options; a test gives a machine of its own. */
export interface WarmEngineParts {
  /** Makes a meter of the machine's idle cores. */
  readonly createIdleMeter: () => () => number | undefined;
}

/** Makes the engine for a machine that `parts` tell about. */
export async function createWarmEngine(options: EngineOptions, parts: WarmEngineParts): Promise<Engine> {
  const settings = resolveEngineOptions(options);
  return engineOnHosts({ gguf: warmHost(settings, parts), sbs: gemmaCppHost({ mode: 'repl', settings }) }, settings);
}
