import type { MemoryRow } from '@gemma-cli/contracts';
import type { Analyzer } from '@gemma-cli/rag-core';
import { statementsOf } from './statements.ts';

/** What decides about rows of conversations. */
export interface PassageRules {
  readonly question: string;
  /** The conversation in which it is asked: its words stand in the prompt already. */
  readonly session: string | undefined;
  readonly analyzer: Analyzer;
  /** ISO 639-1. */
  readonly language: string;
}

/**
 * Whether rows may stand before a question. Of what was said in conversations only what the user said may, in another one,
 * and only if it states something, with a word that the question has not: what was asked before answers nothing. What the
 * model said is no source: an answer that rests on an answer before would make a mistake better known each time.
 */
export function createPassageRule({
  question,
  session,
  analyzer,
  language,
}: PassageRules): (row: MemoryRow) => boolean {
  const asked = new Set(analyzer.analyze(question));
  return (row) => {
    if (row.session === null || row.kind === 'document') return true;
    if (row.writer === 'model' || row.session === session) return false;
    return statementsOf(row.text, language).some((statement) =>
      analyzer.query(statement).some(({ term, isStopWord }) => !isStopWord && !asked.has(term)),
    );
  };
}
