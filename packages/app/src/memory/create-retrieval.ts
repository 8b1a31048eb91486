import { memoryDefaults, type MemoryStore } from '@gemma-cli/contracts';
import type { Retrieval } from '../passages.ts';
import { attachCitations } from './attach-citations.ts';
import { findPassages } from './find-passages.ts';
import { renderPassages } from './render-passages.ts';

/** What {@link createRetrieval} takes. */
export interface RetrievalParts {
  /** The retrieval closes it. */
  readonly memory: MemoryStore;
  /** ISO 639-1: that of the memory. Default `en`. */
  readonly language?: string | undefined;
  /** Most tokens of passages, where a request does not say. Default 1,024. */
  readonly tokensMax?: number | undefined;
  /** Called with one line per noteworthy event. Default: silence. */
  readonly log?: ((message: string) => void) | undefined;
}

/** Makes the part of an app that finds passages in a memory and cites them. */
export function createRetrieval({
  memory,
  language = memoryDefaults.language,
  tokensMax: defaultTokensMax = 1_024,
  log,
}: RetrievalParts): Retrieval {
  return {
    passages: (question, { mode, tokensMax = defaultTokensMax, session, signal }) =>
      findPassages(memory, question, { mode, tokensMax, session, language, signal, log }),
    render: renderPassages,
    cite: (answer, passages, question) => attachCitations(answer, passages, { language, question }),
    close: () => memory.close(),
  };
}
