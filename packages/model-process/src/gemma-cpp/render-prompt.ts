import { GemmaError } from '@gemma-cli/contracts';
import type { ChatMessage } from '@gemma-cli/contracts';

/** A question of a conversation, and its answer where it has one. */
export interface ChatTurn {
  /** As it is sent: markers broken, the system message in front of the first one. */
  readonly user: string;
  /** `null` = it is the question to answer now. */
  readonly assistant: string | null;
}

/**
 * Puts a conversation into turns of a user and the model, which is all that gemma.cpp's template knows: a system message
 * goes in front of the first question, as in Gemma's own template.
 *
 * @throws GemmaError `REQUEST_INVALID` when the roles do not alternate or the last message is not a question.
 */
export function chatTurns(messages: readonly ChatMessage[]): readonly ChatTurn[] {
  const [first] = messages;
  const system = first?.role === 'system' ? neutralise(first.content) : '';
  const rest = first?.role === 'system' ? messages.slice(1) : messages;
  if (rest.length % 2 === 0) throw wrongRoles(messages);
  const turns: ChatTurn[] = [];
  for (let index = 0; index < rest.length; index += 2) {
    const question = rest[index];
    const answer = rest[index + 1];
    if (question?.role !== 'user' || (answer !== undefined && answer.role !== 'assistant')) throw wrongRoles(messages);
    const text = neutralise(question.content);
    turns.push({
      user: escapeCommand(index === 0 && system !== '' ? `${system}\n\n${text}` : text),
      assistant: answer === undefined ? null : neutralise(answer.content),
    });
  }
  return turns;
}

/**
 * Writes turns as the text of one prompt. gemma.cpp puts the beginning and the end around it; between the turns stand
 * Gemma's own markers, which are live in a prompt. Every question ends in a newline, because the lines that a process reads
 * do: so this text has the tokens that the same questions have when they are asked one by one.
 */
export function renderTurns(turns: readonly ChatTurn[]): string {
  return turns
    .map(({ user, assistant }) =>
      assistant === null
        ? `${user}\n`
        : `${user}\n<end_of_turn>\n<start_of_turn>model\n${assistant}<end_of_turn>\n<start_of_turn>user\n`,
    )
    .join('');
}

/** A prompt that begins with % may be a command: %q ends the process, %c forgets the conversation. */
function escapeCommand(text: string): string {
  return text.startsWith('%') ? ` ${text}` : text;
}

/**
 * Breaks what the tokenizer would take for one of the model's special tokens: a space behind its first character. They are
 * live in gemma.cpp, and a text that ends a turn could speak as the model.
 */
export function neutralise(text: string): string {
  return text.replaceAll(specialTokens, (token) => `${token.slice(0, 1)} ${token.slice(1)}`);
}

const specialTokens =
  /<(?:start_of_turn|end_of_turn|start_of_image|end_of_image|image_soft_token|bos|eos|pad|unk|mask|unused\d+)>|\[(?:multimodal|@BOS@)\]|<\|[a-z_"]+\|?>|<[a-z_]+\|>/gu;

/**
 * About how many tokens a text as people write it has, rather too many than too few: words of any script in pieces,
 * everything else one by one. gemma.cpp tells no counts that could be had before an answer.
 */
export function estimateTokens(text: string): number {
  return countPieces(text, { lettersOfPiece: 3, bytesOfPiece: 2 });
}

/**
 * What no text exceeded, keys, hashes and rare characters included: about two to three times the tokens of prose. By this
 * it is decided when a conversation no longer fits, because gemma.cpp overwrites its beginning without a word.
 */
export function tokensAtMost(text: string): number {
  // A short text strays further from its share than a long one: random letters came to 9 tokens for 10 of them.
  return countPieces(text, { lettersOfPiece: 1.25, bytesOfPiece: 1 }) + Math.ceil(Math.sqrt(text.length));
}

function countPieces(
  text: string,
  { lettersOfPiece, bytesOfPiece }: { readonly lettersOfPiece: number; readonly bytesOfPiece: number },
): number {
  let pieces = 0;
  for (const { 0: run = '', index } of text.matchAll(/[A-Za-z]+|[\u0080-\u{10FFFF}]+| +|[^A-Za-z ]/gu)) {
    const [first = ''] = run;
    // One space belongs to the word behind it; the last one of a text has none.
    if (first === ' ') pieces += run.length > 1 || index + 1 === text.length ? Math.ceil(run.length / 16) : 0;
    else if (/[A-Za-z]/u.test(first)) pieces += Math.ceil(run.length / lettersOfPiece);
    else if (first > '\u007F') pieces += Math.ceil(Buffer.byteLength(run) / bytesOfPiece);
    else pieces += 1;
  }
  return pieces;
}

function wrongRoles(messages: readonly ChatMessage[]): GemmaError {
  const roles = messages.map(({ role }) => role);
  return new GemmaError({
    code: 'REQUEST_INVALID',
    message: `Expected messages of user and assistant in turn, the last of the user, after at most one system message. Got ${roles.slice(-12).join(', ')}.`,
    facts: { roles },
  });
}
