import { randomBytes } from 'node:crypto';
import { Template } from '@huggingface/jinja';
import { GemmaError } from '@gemma-cli/contracts';
import type { ChatMessage } from '@gemma-cli/contracts';

/** A stretch of a rendered prompt. Only what the template itself wrote may become special tokens. */
export interface PromptSegment {
  readonly text: string;
  /** Whether the text comes from the template: `<start_of_turn>` in it is a token; in a message it is text. */
  readonly fromTemplate: boolean;
}

/** Space that no template writes and every `trim` removes: shows whether the template trims a message. */
const padding = '\u2003';

/**
 * Renders a conversation with the Jinja template of a model file.
 *
 * The template never sees the messages. It sees a placeholder for each, and the messages are put in afterwards, so that
 * text which looks like a special token stays text. A template that trims messages has them trimmed.
 *
 * @throws GemmaError `MODEL_UNSUPPORTED` when the template cannot be parsed or refuses the conversation.
 */
export function renderChat(
  template: string,
  messages: readonly ChatMessage[],
  tokens: { readonly bos: string; readonly eos: string },
): PromptSegment[] {
  const nonce = randomBytes(8).toString('hex');
  const rendered = renderTemplate(template, {
    messages: messages.map(({ role }, index) => ({
      role,
      content: `${padding}[${nonce}:${index}]${padding}`,
    })),
    bos_token: tokens.bos,
    eos_token: tokens.eos,
    add_generation_prompt: true,
  });

  const placeholder = new RegExp(`(${padding}?)\\[${nonce}:(\\d+)\\](${padding}?)`, 'g');
  const segments: PromptSegment[] = [];
  let end = 0;
  for (const match of rendered.matchAll(placeholder)) {
    const [whole, before, index, after] = match;
    segments.push({ text: rendered.slice(end, match.index), fromTemplate: true });
    const content = messages[Number(index)]?.content ?? '';
    segments.push({
      text:
        before === ''
          ? after === ''
            ? content.trim()
            : content.trimStart()
          : after === ''
            ? content.trimEnd()
            : content,
      fromTemplate: false,
    });
    end = match.index + whole.length;
  }
  segments.push({ text: rendered.slice(end), fromTemplate: true });
  return segments.filter(({ text }) => text !== '');
}

function renderTemplate(template: string, context: Record<string, unknown>): string {
  try {
    return new Template(template).render(context);
  } catch (cause) {
    throw new GemmaError({
      code: 'MODEL_UNSUPPORTED',
      message: `The chat template in the model file cannot render this conversation: ${(cause as Error).message}. Check the order of roles, or use another model.`,
      cause,
    });
  }
}
