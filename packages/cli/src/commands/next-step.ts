import type { InstalledModel } from '@gemma-cli/models';

/** What to do first with a model that has come: one that makes vectors answers nothing. */
export function nextStep({ name, embedding }: Pick<InstalledModel, 'name' | 'embedding'>): string {
  return embedding ? 'It finds by meaning. Try: gemma memory embed' : `Try: gemma run ${name}`;
}
