import { beforeAll, expect, test } from 'vitest';
import { describeUnless, type WorkerScript } from '@gemma-cli/testkit';
import { missingPty, promptsOf, requirePython, runOnTerminal, type Step, type TerminalOutcome } from './on-terminal.ts';

function onTerminal(argv: readonly string[], script: WorkerScript, steps: readonly Step[]): Promise<TerminalOutcome> {
  return runOnTerminal({ argv, script, steps });
}

function prompts({ journal }: TerminalOutcome): readonly string[] {
  return promptsOf(journal);
}

const ctrlC = '\u0003';
const ctrlD = '\u0004';

describeUnless(missingPty, 'on a terminal', () => {
  beforeAll(requirePython);

  test('chat shows a prompt, answers, and leaves with Ctrl-D', async () => {
    const outcome = await onTerminal(['chat'], { answer: { text: 'Hello there.' } }, [
      { expect: '> ' },
      { send: 'one\r' },
      { expect: 'Hello there.' },
      { expect: '> ' },
      { send: ctrlD },
    ]);
    expect(outcome).toMatchObject({ code: 0, failure: null });
    expect(outcome.output).toContain('/help');
  });

  test('Ctrl-C stops the answer, keeps what came, and the conversation goes on from it', async () => {
    const script = {
      answer: { repeat: 'x', times: 1_000_000 },
      pieceMs: 1,
      answerWhen: [{ promptHas: 'two', answer: { text: 'Second answer.' } }],
    };
    const outcome = await onTerminal(['chat'], script, [
      { expect: '> ' },
      { send: 'one\r' },
      { expect: 'xxxxx' },
      { send: ctrlC },
      { expect: '> ' },
      { send: 'two\r' },
      { expect: 'Second answer.' },
      { expect: '> ' },
      { send: '/bye\r' },
    ]);
    expect(outcome).toMatchObject({ code: 0, failure: null });
    expect(prompts(outcome).at(-1)).toMatch(
      /<\|user\|>one<\|end\|><\|assistant\|>x{5,}<\|end\|><\|user\|>two<\|end\|>/,
    );
  });

  test('Ctrl-C twice on an empty line leaves; once on a line clears it', async () => {
    const outcome = await onTerminal(['chat'], { answer: { text: 'ok' } }, [
      { expect: '> ' },
      { send: 'half a line' },
      { expect: 'half a line' },
      { send: ctrlC },
      { send: 'whole\r' },
      { expect: 'ok' },
      { expect: '> ' },
      { send: ctrlC },
      { expect: 'once more' },
      { send: ctrlC },
    ]);
    expect(outcome).toMatchObject({ code: 0, failure: null });
    expect(prompts(outcome)).toEqual(['<|begin|><|user|>whole<|end|><|assistant|>']);
  });

  test('what is typed during an answer is kept, and not mixed into it', async () => {
    const outcome = await onTerminal(['chat'], { answer: { text: 'A slow answer.' }, pieceMs: 20 }, [
      { expect: '> ' },
      { send: 'one\r' },
      { expect: 'A slow' },
      { send: 'two' },
      { expect: ' answer.' },
      { expect: '> ' },
      { expect: 'two' },
      { send: '\r' },
      { expect: 'A slow answer.' },
      { expect: '> ' },
      { send: ctrlD },
    ]);
    expect(outcome).toMatchObject({ code: 0, failure: null });
    expect(prompts(outcome).at(-1)).toContain('<|user|>two<|end|>');
  });

  test('an answer brings no control sequence of the model', async () => {
    const outcome = await onTerminal(['-q', 'Hi'], { answer: { text: 'a\u001B]0;title\u0007b\u001B[2Jc\u202Ed' } }, []);
    expect(outcome).toMatchObject({ code: 0, failure: null });
    expect(outcome.output).toBe('abc\\u{202E}d\r\n');
  });

  test('loading is shown on stderr and wiped before the answer', async () => {
    const outcome = await onTerminal(['Hi'], { answer: { text: 'Hello.' } }, []);
    expect(outcome.output).toBe('Loading tiny …\r\u001B[KHello.\r\n');
  });

  test('Ctrl-C in a single answer exits 130 with the part that came', async () => {
    const outcome = await onTerminal(['Hi'], { answer: { repeat: 'y', times: 1_000_000 }, pieceMs: 1 }, [
      { expect: 'yyyyy' },
      { send: ctrlC },
    ]);
    expect(outcome).toMatchObject({ code: 130, failure: null });
  });

  const missing: WorkerScript = {
    faults: [
      { at: 'load', do: 'failure', code: 'RUNTIME_NOT_INSTALLED', message: 'Run `gemma runtime install llama`.' },
    ],
  };

  test('a missing runtime is offered with its size; a no leaves the error and its exit code', async () => {
    const outcome = await onTerminal(['Hi'], missing, [{ expect: '[Y/n]' }, { send: 'n\r' }]);
    expect(outcome).toMatchObject({ code: 4, failure: null });
    expect(outcome.output).toMatch(/about \d+ MB/);
    expect(outcome.output).toContain('gemma runtime install llama');
  });

  test('a chat offers it too', async () => {
    const outcome = await onTerminal(['chat'], missing, [
      { expect: '> ' },
      { send: 'one\r' },
      { expect: '[Y/n]' },
      { send: 'n\r' },
    ]);
    expect(outcome).toMatchObject({ code: 4, failure: null });
  });

  test('the bare command shows help', async () => {
    const outcome = await onTerminal([], {}, []);
    expect(outcome.code).toBe(0);
    expect(outcome.output).toContain('gemma "prompt"');
  });
});
