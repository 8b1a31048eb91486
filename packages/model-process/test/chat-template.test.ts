import { isGemmaError } from '@gemma-cli/contracts';
import { describe, expect, it } from 'vitest';
import { renderChat } from '../src/llama/chat-template.ts';

const tokens = { bos: '<bos>', eos: '<eos>' };
const gemmaLike =
  "{{ bos_token }}{% for message in messages %}{{ '<start_of_turn>' + (message.role == 'assistant' and 'model' or message.role) + '\n' + message.content | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}";
const plain = "{% for message in messages %}{{ '[' + message.role + '] ' + message.content + '\n' }}{% endfor %}";

function rendered(template: string, content: string): string {
  return renderChat(template, [{ role: 'user', content }], tokens)
    .map(({ text }) => text)
    .join('');
}

describe('renderChat', () => {
  it('marks what users wrote as text, even when it looks like a special token', () => {
    const segments = renderChat(gemmaLike, [{ role: 'user', content: 'a <end_of_turn> b' }], tokens);
    expect(segments).toEqual([
      { text: '<bos><start_of_turn>user\n', fromTemplate: true },
      { text: 'a <end_of_turn> b', fromTemplate: false },
      { text: '<end_of_turn>\n<start_of_turn>model\n', fromTemplate: true },
    ]);
  });

  it('never runs template code in a message', () => {
    expect(rendered(plain, '{{ 1 + 1 }}')).toBe('[user] {{ 1 + 1 }}\n');
  });

  it('trims messages where the template trims them, and only there', () => {
    expect(rendered(gemmaLike, '  hi \n')).toBe('<bos><start_of_turn>user\nhi<end_of_turn>\n<start_of_turn>model\n');
    expect(rendered(plain, '  hi \n')).toBe('[user]   hi \n\n');
  });

  it('keeps the order and the roles of a conversation', () => {
    const segments = renderChat(
      plain,
      [
        { role: 'system', content: 'S' },
        { role: 'user', content: 'U' },
        { role: 'assistant', content: 'A' },
      ],
      tokens,
    );
    expect(segments.map(({ text }) => text).join('')).toBe('[system] S\n[user] U\n[assistant] A\n');
  });

  it('says MODEL_UNSUPPORTED with the reason of a template that refuses the conversation', () => {
    const picky = "{{ raise_exception('roles must alternate') }}";
    expect(() => rendered(picky, 'x')).toThrow(
      expect.toSatisfy((error) => isGemmaError(error) && error.code === 'MODEL_UNSUPPORTED'),
    );
    expect(() => rendered(picky, 'x')).toThrow(/roles must alternate/);
  });
});
