import type { MemoryStore, NewMemory } from '@gemma-cli/contracts';
import { chunkDefaults, chunkDocument } from '@gemma-cli/rag-core';
import type { ConversationMemory, Utterance } from '../conversation-memory.ts';

/** The tag of everything that was said in a chat. */
export const chatTag = 'chat';

/** Rows of one side's words at most: a text that was pasted is for `gemma ingest` to know as a whole. */
const chunksMax = 8;

/** What the model said is the first to go where room is needed. */
const importanceOf: Readonly<Record<Utterance['writer'], number>> = { user: 0.5, model: 0.25 };

/** Makes the part of an app that keeps what is said: rows of `working`, by session and writer. No model takes part. */
export function createConversationMemory({ memory }: { readonly memory: MemoryStore }): ConversationMemory {
  return {
    async add(session, said) {
      const memories = said.flatMap((utterance) => rowsOf(session, utterance));
      const rows = await memory.addMany(memories);
      return rows.map(({ id }) => id);
    },
    forget: (ids) => memory.forget({ ids }),
    close: () => memory.close(),
  };
}

function rowsOf(session: string, { writer, text }: Utterance): readonly NewMemory[] {
  const whole = text.trim();
  if (whole === '') return [];
  // Longer ones would not find room among the passages of a prompt.
  const parts =
    whole.length <= chunkDefaults.maxChars
      ? [whole]
      : chunkDocument({ text: whole, format: 'prose' })
          .slice(0, chunksMax)
          .map((chunk) => chunk.text);
  return parts.map((part) => ({
    text: part,
    tier: 'working',
    importance: importanceOf[writer],
    tags: [chatTag],
    session,
    writer,
  }));
}
