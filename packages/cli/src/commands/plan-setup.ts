import type { CatalogEntry } from '@gemma-cli/models';
import { estimateMemoryBytes } from './estimate-memory.ts';

/** A model that the set-up offers. */
export interface SetupModel {
  readonly name: string;
  readonly summary: string;
  /** About what is downloaded. */
  readonly sizeBytes: number;
  /** About what it needs to answer. */
  readonly memoryBytes: number;
  /** The one that is taken when nobody says otherwise. */
  readonly recommended: boolean;
}

/**
 * The models to choose from: what chats and needs at most half of the memory, smallest first, or the smallest when none
 * does. Recommended is the largest that needs at most a quarter: the rest is for everything else, and on the processor a
 * larger model is slower.
 */
export function setupModels(catalog: readonly CatalogEntry[], memoryBytes: number): readonly SetupModel[] {
  const chats = catalog
    .filter(({ kind, name }) => kind === 'chat' && name.startsWith('gemma'))
    .map(({ name, summary, sizeBytes, parameters, contextTokens }) => ({
      name,
      summary,
      sizeBytes,
      memoryBytes: estimateMemoryBytes({ sizeBytes, parameters, trainContextTokens: contextTokens }, 'auto'),
    }))
    .toSorted((a, b) => a.memoryBytes - b.memoryBytes);
  const fitting = chats.filter((model) => model.memoryBytes <= memoryBytes / 2);
  const offered = fitting.length > 0 ? fitting : chats.slice(0, 1);
  const roomy = offered.filter((model) => model.memoryBytes <= memoryBytes / 4).length;
  const best = Math.max(0, roomy - 1);
  return offered.map((model, index) => ({ ...model, recommended: index === best }));
}
