import type { Engine, EngineOptions, ImplementationName, Resolution } from '@gemma-cli/contracts';
import { inspectModelFile } from '@gemma-cli/models';
import { engineSources } from './engine-sources.ts';
import { resolveImplementation, type ImplementationSource } from './resolve.ts';

/** What {@link createEngine} takes: the options of the engine, and which one. */
export interface CreateEngineOptions extends EngineOptions {
  /** Which implementation to try first. Default `optimized`. */
  readonly implementation?: ImplementationName | undefined;
  /** Where the implementations come from. Default: the two packages of this project. */
  readonly sources?: Readonly<Record<ImplementationName, ImplementationSource>> | undefined;
}

/** An engine and how it was chosen. */
export interface CreatedEngine {
  readonly engine: Engine;
  readonly resolution: Resolution;
}

/**
 * Makes an engine: the optimized one, or the legacy one when the optimized package is not installed or says that it
 * cannot work here. No process starts before the first request. The caller closes the engine.
 *
 * @throws ImplementationLoadError when an installed package is broken.
 */
export async function createEngine({
  implementation = 'optimized',
  sources = engineSources,
  ...options
}: CreateEngineOptions = {}): Promise<CreatedEngine> {
  const { instance, resolution } = await resolveImplementation<EngineOptions, Engine>({
    contract: 'engine',
    requested: implementation,
    sources,
    // Before every load, not only the first: a file may change while a program runs.
    options: { ...options, checkModel: options.checkModel ?? inspectModelFile },
  });
  options.log?.(logLines[resolution.active]);
  return { engine: instance, resolution };
}

/** The lines that the documentation has promised since the first version of this project. */
const logLines: Readonly<Record<ImplementationName, string>> = {
  legacy: 'Using standard GemmaInterface',
  optimized: 'Using OptimizedGemmaInterface with streaming and process reuse',
};
