import type { Engine, EngineOptions } from '@gemma-cli/contracts';
import { engineOnHosts, gemmaCppHost, resolveEngineOptions } from '@gemma-cli/model-process';
import { warmHost } from './warm-host.ts';

/**
 * Makes the optimized engine: model processes stay between requests and answer several side by side, the prefix that a
 * prompt shares with what a process or the disk remembers is not evaluated again, and threads follow what the machine has
 * to give.
 *
 * @throws GemmaError `REQUEST_INVALID` for options out of range.
 */
export async function create(options: EngineOptions = {}): Promise<Engine> {
  const settings = resolveEngineOptions(options);
  return engineOnHosts({ gguf: warmHost(settings), sbs: gemmaCppHost({ mode: 'repl', settings }) }, settings);
}
