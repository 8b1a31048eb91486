import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { standInTokens, standInWeights, withTemporaryFolder } from '@gemma-cli/testkit';
import { chooseCancel } from '../src/gemma-cpp/cancel-policy.ts';
import { exitError } from '../src/gemma-cpp/exit-error.ts';
import { preparePrompt, trimPrompt } from '../src/gemma-cpp/prepare-prompt.ts';
import { processArguments, settingsOf } from '../src/gemma-cpp/process-arguments.ts';
import { chatTurns, estimateTokens, neutralise, renderTurns } from '../src/gemma-cpp/render-prompt.ts';
import { readSbsConfig } from '../src/gemma-cpp/sbs-config.ts';
import { createTurnReader, emptyPromptHint } from '../src/gemma-cpp/turn-reader.ts';

/** Text of pieces that an end mark is made of, so that generated answers come near it. */
const answers = fc.array(
  fc.constantFrom(
    'a',
    '\n',
    '\n\n',
    'Use',
    "Use '%q'",
    ' to quit.',
    '.\n',
    emptyPromptHint,
    `\n\n${emptyPromptHint}`,
    'é',
  ),
  { maxLength: 12 },
);

describe('the end of a turn', () => {
  it('is found behind any answer, whatever pieces it comes in, and the answer is whole', () => {
    fc.assert(
      fc.property(
        answers,
        fc.infiniteStream(fc.integer({ min: 1, max: 30 })),
        fc.boolean(),
        (pieces, lengths, isCut) => {
          const answer = pieces.join('');
          // Cut anywhere, or in the pieces that the model wrote.
          const whole = isCut ? [] : [...pieces];
          const reader = createTurnReader({ sentinel: true });
          // What gemma.cpp writes: the answer in any pieces, then the end, then a hint in one piece for each further prompt.
          let rest = `${answer}\n\n${emptyPromptHint}`;
          let text = '';
          let state: string = 'open';
          let asked = 0;
          while (state !== 'over') {
            if (rest === '') {
              expect(asked, 'nothing more comes and no further prompt was sent').toBeGreaterThan(0);
              asked -= 1;
              rest = emptyPromptHint;
            }
            const length =
              rest === emptyPromptHint ? rest.length : (whole.shift()?.length ?? lengths.next().value ?? 1);
            const written = reader.write(rest.slice(0, length));
            rest = rest.slice(length);
            text += written.text;
            ({ state } = written);
            if (state === 'confirm') asked += 1;
          }
          // A model that writes the hint in the very piece that is awaited cannot be told from gemma.cpp.
          const isTold =
            !answer.includes(`\n\n${emptyPromptHint}${emptyPromptHint}`) && !answer.endsWith(emptyPromptHint);
          if (isTold) expect(text).toBe(answer);
        },
      ),
    );
  });

  it('is not taken from a hint that stands anywhere but right behind what looked like it', () => {
    const reader = createTurnReader({ sentinel: true });
    const pieces = ['a', `\n\n${emptyPromptHint}`, 'b', emptyPromptHint, 'c', '\n\n', emptyPromptHint, emptyPromptHint];
    const written = [...pieces, emptyPromptHint].map((piece) => reader.write(piece));
    expect(written.map(({ text }) => text).join('')).toBe(`a\n\n${emptyPromptHint}b${emptyPromptHint}c`);
    expect(written.map(({ state }) => state)).toEqual([
      'open',
      'confirm',
      'open',
      'open',
      'open',
      'open',
      'open',
      'confirm',
      'over',
    ]);
  });

  it('is the end of the output for a process that was given its last prompt', () => {
    fc.assert(
      fc.property(answers, fc.infiniteStream(fc.integer({ min: 1, max: 30 })), (pieces, lengths) => {
        const reader = createTurnReader({ sentinel: false });
        const answer = pieces.join('');
        let rest = `${answer}\n\n`;
        let text = '';
        while (rest !== '') {
          const length = lengths.next().value ?? 1;
          text += reader.write(rest.slice(0, length)).text;
          rest = rest.slice(length);
        }
        const end = reader.end();
        expect(text + end.text).toBe(answer);
        expect(end.whole).toBe(true);
      }),
    );
  });

  it('is missing when the output ends in the middle of an answer', () => {
    const reader = createTurnReader({ sentinel: false });
    expect(reader.write('half an ans').text).toBe('half an ans');
    expect(reader.end()).toMatchObject({ whole: false });
  });

  it('holds nothing back but what could be its beginning', () => {
    const reader = createTurnReader({ sentinel: true });
    expect(reader.write('a').text).toBe('a');
    expect(reader.write('\n\n').text).toBe('');
    expect(reader.write('\n').text).toBe('\n');
    expect(reader.write('Use').text).toBe('');
    expect(reader.write('d').text).toBe('\n\nUsed');
  });

  it('counts the writes that an answer came in, and not those of its end', () => {
    const reader = createTurnReader({ sentinel: true });
    const tokens = ['My', ' name', '\n\n', 'is', '\n\n', emptyPromptHint, emptyPromptHint].map(
      (piece) => reader.write(piece).tokens,
    );
    expect(tokens.reduce((sum, count) => sum + count, 0)).toBe(4);
  });
});

describe('prompts', () => {
  it('break the markers of turns, and nothing else', () => {
    const marker = fc.constantFrom(
      '<start_of_turn>',
      '<end_of_turn>',
      '<bos>',
      '<eos>',
      '<unused12>',
      '[multimodal]',
      '<|turn>',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(marker, fc.string())), (parts) => {
        const text = neutralise(parts.join(''));
        expect(text).not.toMatch(/<(?:start_of_turn|end_of_turn|bos|eos|unused12)>|\[multimodal\]|<\|turn>/u);
      }),
    );
    for (const text of ['a < b > c', '<div><table>', 'if (a<b) { c[0] }', '<|', '|>'])
      expect(neutralise(text)).toBe(text);
  });

  it('are the same text whether a conversation is sent at once or turn by turn', () => {
    const turns = chatTurns([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'two' },
      { role: 'user', content: '%three' },
    ]);
    const wrap = (text: string): string => `<start_of_turn>user\n${text}<end_of_turn>\n<start_of_turn>model\n`;
    const byTurns = turns
      .map(({ user, assistant }) => wrap(renderTurns([{ user, assistant: null }])) + (assistant ?? ''))
      .join('<end_of_turn>\n');
    expect(wrap(renderTurns(turns))).toBe(byTurns);
  });

  it('are estimated at no fewer tokens than the stand-in makes of them', () => {
    for (const text of [
      'The capital of France is',
      'x = a[0] + 1234;\n',
      '  indented\n',
      'Grüße, 世界! 😀',
      'x'.repeat(99),
    ])
      expect(estimateTokens(text)).toBeGreaterThanOrEqual(standInTokens(text).length - text.split(' ').length);
  });

  it('to be continued come as a line, and in a file where a line would change them', () => {
    const form = (text: string): string => preparePrompt({ type: 'completion', text }, { wrapping: 'base' }).form;
    expect(['plain', ' %q', 'cr\r', 'two\nlines', '%q', 'end\n'].map(form)).toEqual([
      'line',
      'line',
      'line',
      'file',
      'file',
      'file',
    ]);
  });

  it('that are too long lose their beginning, never half a character, until nothing is left', () => {
    const text = '😀'.repeat(400);
    let prompt: Parameters<typeof trimPrompt>[0] = { type: 'completion', text };
    let rounds = 0;
    for (;;) {
      const next = trimPrompt(prompt, 130, 128);
      if (next === undefined) break;
      rounds += 1;
      expect(next.tokensAfter).toBeLessThan(128);
      if (next.prompt.type !== 'completion') throw new Error('A completion stays one.');
      expect(text.endsWith(next.prompt.text)).toBe(true);
      expect(Buffer.from(next.prompt.text).toString()).toBe(next.prompt.text);
      if (prompt.type === 'completion') expect(next.prompt.text.length).toBeLessThan(prompt.text.length);
      prompt = next.prompt;
    }
    expect(rounds).toBeGreaterThan(3);
  });
});

describe('the command line', () => {
  const flags = new Set([
    'weights',
    'verbosity',
    'seq_len',
    'max_generated_tokens',
    'top_k',
    'temperature',
    'eot_line',
  ]);
  const line = (sampling: { temperature: number; topK: number }, known = flags): string =>
    processArguments(
      settingsOf({ model: { path: '/w.sbs', name: 'w', sha256: undefined }, maxTokens: 9_999, sampling }, 512, 'block'),
      {
        executable: { path: '/gemma', flags: known },
        threads: 2,
        deterministic: false,
        endLine: 'END',
        promptFile: null,
      },
    ).join(' ');

  it('holds only flags that the executable knows, and no limit beyond the context', () => {
    expect(line({ temperature: 0.7, topK: 40 })).toBe(
      '--weights /w.sbs --verbosity 0 --seq_len 512 --max_generated_tokens 512 --top_k 40 --temperature 0.7 --eot_line END',
    );
    expect(line({ temperature: 0.7, topK: 40 }, new Set([...flags, 'spin', 'pin', 'num_threads']))).toContain(
      '--num_threads 2 --spin 0 --pin 0',
    );
  });

  it('asks for one candidate when the likeliest token is wanted', () => {
    for (const sampling of [
      { temperature: 0, topK: 40 },
      { temperature: 0.7, topK: 1 },
    ])
      expect(line(sampling)).toContain('--top_k 1 --temperature 1 ');
  });
});

describe('weights', () => {
  it('tell how prompts are wrapped and how long the context is, with the directory in front and at the end', () =>
    withTemporaryFolder(async (folder) => {
      const path = join(folder, 'w.sbs');
      for (const directoryAtEnd of [false, true])
        for (const wrapping of ['instruct', 'base', 'vision', 'paligemma'] as const) {
          await writeFile(path, standInWeights({ wrapping, directoryAtEnd, contextTokensMax: 4_096, family: 2 }));
          expect(await readSbsConfig(path)).toEqual({
            displayName: 'Stand-in',
            family: 2,
            wrapping,
            contextTokensMax: 4_096,
          });
        }
    }));

  it('that end anywhere are refused with a typed error', () =>
    withTemporaryFolder(async (folder) => {
      const path = join(folder, 'w.sbs');
      const whole = standInWeights();
      for (const length of [0, 1, 15, 16, 40, 111, 112, 256, 300]) {
        await writeFile(path, whole.subarray(0, length));
        await expect(readSbsConfig(path), `${length} bytes`).rejects.toMatchObject({ code: 'MODEL_INVALID' });
      }
    }));
});

describe('the end of a process', () => {
  const end = { exitCode: null, signal: 'SIGABRT', path: '/w.sbs', contextTokens: 64 } as const;

  it('is told by the last line that it wrote, whatever file and line that names', () => {
    const error = exitError({
      ...end,
      stage: 'answering',
      stderrTail:
        'Warn at a.cc:1: Abort at nothing\nAbort at other.cc:9: max_prompt_size = 82, increase --seq_len to at least that.\n',
    });
    expect(error).toMatchObject({ code: 'CONTEXT_EXCEEDED', facts: { promptTokens: 82, contextTokens: 64 } });
  });

  it('without a word names how it ended', () => {
    const error = exitError({ ...end, signal: 'SIGKILL', stage: 'answering', stderrTail: '' });
    expect(error.code).toBe('ENGINE_EXITED');
    expect(error.message).toContain('out of memory');
  });
});

describe('cancelling', () => {
  it('drains what is expected to end before a load would, and kills everything else', () => {
    const loadMs = 800;
    expect(chooseCancel({ tokensLeft: 7, msPerToken: 100, loadMs })).toBe('drain');
    expect(chooseCancel({ tokensLeft: 9, msPerToken: 100, loadMs })).toBe('kill');
    expect(chooseCancel({ tokensLeft: 1, msPerToken: null, loadMs })).toBe('kill');
  });
});
