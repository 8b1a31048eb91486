import type { Engine, EngineOptions } from '@gemma-cli/contracts';
import { engineOnHost, resolveEngineOptions } from '@gemma-cli/model-process';
import { warmProcesses } from './warm-processes.ts';

/**
 * Makes the optimized engine: the model process stays between requests, and the prefix that a prompt shares with what the
 * process already holds is not evaluated again.
 *
 * @throws GemmaError `REQUEST_INVALID` for options out of range.
 */
export async function create(options: EngineOptions = {}): Promise<Engine> {
  const settings = resolveEngineOptions(options);
  return engineOnHost(warmProcesses(settings), settings);
}
