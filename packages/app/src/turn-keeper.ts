import type { SessionMessage } from './client.ts';
import type { ConversationMemory } from './conversation-memory.ts';

/** A turn of a conversation. */
export interface Turn {
  readonly question: SessionMessage;
  readonly answer: SessionMessage;
}

/** Keeps turns in the memory, behind the answers: nobody waits for it but who closes. */
export interface TurnKeeper {
  /** Keeps a turn, unless it is kept already. */
  keep(session: string, turn: Turn): void;
  /** Forgets what was kept of turns, known by their questions. Settles when that is done; tells how many rows went. */
  forget(questions: readonly SessionMessage[]): Promise<number>;
  /** Settles when everything is kept that was given, and the memory is closed if it was opened. */
  close(): Promise<void>;
}

/** What {@link createTurnKeeper} takes. */
export interface TurnKeeperParts {
  /** Opens the memory when the first turn is kept. Called again only if it failed. */
  readonly open: () => Promise<ConversationMemory>;
  /** Hears of the first failure, in one sentence. */
  readonly warn: (message: string) => void;
  readonly log: (message: string) => void;
}

/** Makes a keeper. Turns are written one after the other, in the order in which they came. */
export function createTurnKeeper({ open, warn, log }: TurnKeeperParts): TurnKeeper {
  let opened: Promise<ConversationMemory> | undefined;
  let work: Promise<unknown> = Promise.resolve();
  let hasWarned = false;
  /** Rows of each question and its answer. A question that is no longer spoken of is forgotten here, not in the memory. */
  const rows = new WeakMap<SessionMessage, Promise<readonly string[]>>();

  function getMemory(): Promise<ConversationMemory> {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  }

  /** Does a piece of work after all that was given before. */
  function after<Result>(body: () => Promise<Result>, otherwise: Result, complaint: string): Promise<Result> {
    const result = work.then(async () => {
      // What is shown of the answer comes first.
      await new Promise((resolve) => setImmediate(resolve));
      try {
        return await body();
      } catch (error) {
        const message = `${complaint}: ${error instanceof Error ? error.message : String(error)}`;
        if (hasWarned) log(message);
        else warn(message);
        hasWarned = true;
        return otherwise;
      }
    });
    work = result;
    return result;
  }

  return {
    keep(session, { question, answer }) {
      if (rows.has(question)) return;
      const said = [{ writer: 'user' as const, text: question.content }];
      // An answer that its user stopped is not worth keeping.
      const replied = answer.partial === true ? [] : [{ writer: 'model' as const, text: answer.content }];
      const add = async (): Promise<readonly string[]> => (await getMemory()).add(session, [...said, ...replied]);
      rows.set(question, after(add, [], 'This conversation is not remembered'));
    },
    forget(questions) {
      const known = questions.flatMap((question) => rows.get(question) ?? []);
      for (const question of questions) rows.delete(question);
      if (known.length === 0) return Promise.resolve(0);
      const forget = async (): Promise<number> => {
        const ids = (await Promise.all(known)).flat();
        return ids.length === 0 ? 0 : (await getMemory()).forget(ids);
      };
      return after(forget, 0, 'What was remembered of this conversation is still there');
    },
    async close() {
      await work;
      const memory = await opened?.catch(() => undefined);
      await memory?.close();
    },
  };
}
