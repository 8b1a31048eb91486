import type { ChatSession } from '@gemma-cli/app';
import { isChatCommand } from './chat-commands.ts';
import { typedError } from '../render/render-error.ts';

/** What {@link askToRemember} works with. */
export interface AskToRememberParts {
  readonly session: Pick<ChatSession, 'setRemember'>;
  /** Asks for one line; `undefined` when the user leaves. */
  readonly ask: (question: string) => Promise<string | undefined>;
  readonly say: (line: string) => void;
  /** Keeps the answer for the chats to come. */
  readonly store: (remember: boolean) => Promise<void>;
}

/** What came of the question. */
export type AskedToRemember =
  | { readonly type: 'answered' }
  /** A command, which may be about the answer before it: the question is still open. */
  | { readonly type: 'command'; readonly line: string }
  /** Neither yes nor no: typed ahead, as the next message. */
  | { readonly type: 'message'; readonly line: string }
  | { readonly type: 'leave' };

const answered: AskedToRemember = { type: 'answered' };

/**
 * Asks whether chats may be remembered, and keeps a yes or no for good. After anything else nothing is decided: after a
 * command this chat asks again, after a message the next one.
 */
export async function askToRemember({ session, ask, say, store }: AskToRememberParts): Promise<AskedToRemember> {
  say('gemma: chats can be remembered, on this machine alone, so that later ones find what you said.');
  const line = await ask('Remember chats, this one included? [y/N]');
  if (line === undefined) return { type: 'leave' };
  if (isChatCommand(line)) return { type: 'command', line };
  const said = /^\s*(?:(y|yes)|n|no)?\s*$/i.exec(line);
  if (said === null) {
    say(
      'gemma: nothing is remembered; the next chat asks again. `gemma config set memory.remember_chats false` says no.',
    );
    return { type: 'message', line };
  }
  const remember = said[1] !== undefined;
  session.setRemember(remember);
  try {
    await store(remember);
  } catch (error) {
    say(`gemma: the answer counts for this chat alone, it could not be kept: ${typedError(error).message}`);
    return answered;
  }
  say(
    remember
      ? 'gemma: remembered from now on. /remember off ends it for a chat; `gemma memory list --tag chat` shows what is kept.'
      : 'gemma: nothing is remembered. `gemma config set memory.remember_chats true` changes that.',
  );
  return answered;
}
