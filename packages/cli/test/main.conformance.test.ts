import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readJournal } from '@gemma-cli/testkit';
import { tryMain, type MainTrial } from './run-main.ts';

const hello = { answer: { text: 'Hello there.' } };
const endless = { answer: { repeat: 'x', times: 1_000_000 } };

function prompts({ journal }: MainTrial): readonly string[] {
  return readJournal(journal).flatMap((entry) => (entry.event === 'decode' ? [entry.prompt] : []));
}

describe('gemma "prompt"', () => {
  test('streams the answer to stdout, a newline at its end, and nothing else', () =>
    tryMain({}, async ({ run }) => {
      expect(await run(['Hi'], { script: hello })).toEqual({ code: 0, stdout: 'Hello there.\n', stderr: '' });
      expect(await run(['ask', 'Hi'], { script: hello })).toEqual({ code: 0, stdout: 'Hello there.\n', stderr: '' });
    }));

  test('prints pieces while they come, unless --no-stream', () =>
    tryMain({}, async ({ run }) => {
      const seen: string[] = [];
      const script = { ...hello, pieceMs: 1 };
      await run(['Hi'], { script, onStdout: (text) => seen.push(text) });
      expect(seen.length).toBeGreaterThan(2);
      seen.length = 0;
      await run(['Hi', '--no-stream'], { script, onStdout: (text) => seen.push(text) });
      expect(seen[0]).toBe('Hello there.');
    }));

  test('joins words, and puts piped text and files before them', () =>
    tryMain({}, async (trial) => {
      await writeFile(join(trial.folder, 'a.txt'), 'file a\n');
      await writeFile(join(trial.folder, 'b.txt'), 'file b\n');
      await trial.run(['-f', 'a.txt', 'two', 'words', '--file=b.txt'], { script: hello, input: 'piped\n' });
      await trial.run(['-f', 'a.txt', '-f', '-', 'question'], { script: hello, input: 'piped\n' });
      expect(prompts(trial)).toEqual([
        '<|begin|><|user|>piped\n\nfile a\n\nfile b\n\ntwo words<|end|><|assistant|>',
        '<|begin|><|user|>file a\n\npiped\n\nquestion<|end|><|assistant|>',
      ]);
    }));

  test('answers what is piped in when there is no argument', () =>
    tryMain({}, async (trial) => {
      expect((await trial.run([], { script: hello, input: 'only this' })).code).toBe(0);
      expect(prompts(trial)).toEqual(['<|begin|><|user|>only this<|end|><|assistant|>']);
    }));

  test('-s, -m and -o reach the model', () =>
    tryMain({}, async (trial) => {
      const other = join(trial.folder, 'other.gguf');
      await writeFile(other, await import('./tiny-model.ts').then(({ tinyModel }) => tinyModel({ rows: 32 })));
      const { stdout } = await trial.run(
        ['-s', 'Be brief.', '-m', 'other.gguf', '-o', 'maxTokens=5', '-o', 'stop=o', '--json', 'Hi'],
        { script: hello },
      );
      expect(JSON.parse(stdout)).toMatchObject({ text: 'Hell', finishReason: 'stop' });
      expect(prompts(trial)[0]).toMatch(/^<\|begin\|><\|system\|>Be brief\.<\|end\|><\|user\|>Hi/);
      expect(readJournal(trial.journal)).toContainEqual(
        expect.objectContaining({ event: 'call', operation: 'load', params: expect.objectContaining({ path: other }) }),
      );
    }));

  test('one question takes one context, unless the configuration wants more', () =>
    tryMain({}, async (trial) => {
      await trial.run(['Hi'], { script: hello });
      await trial.run(['Hi'], { script: hello, env: { GEMMA_ENGINE_SLOTS: '3' } });
      const loads = readJournal(trial.journal).flatMap((entry) =>
        entry.event === 'call' && entry.operation === 'load' ? [entry.params] : [],
      );
      expect(loads).toEqual([expect.objectContaining({ sequences: 1 }), expect.objectContaining({ sequences: 3 })]);
    }));

  test('text after -- is a prompt, even if it names a command', () =>
    tryMain({}, async (trial) => {
      await trial.run(['--', 'list', '--all'], { script: hello });
      expect(prompts(trial)[0]).toContain('<|user|>list --all<|end|>');
    }));

  test('a base model continues the text and says so once on stderr', () =>
    tryMain({ chat: false }, async (trial) => {
      const { stdout, stderr } = await trial.run(['The sky is'], {
        script: { answer: { text: ' blue.' }, capabilities: { chat: false } },
      });
      expect(stdout).toBe(' blue.\n');
      expect(stderr.match(/base model/g)).toHaveLength(1);
      expect(prompts(trial)).toEqual(['<|begin|>The sky is']);
      const quiet = await trial.run(['-q', 'The sky is'], {
        script: { answer: { text: ' blue.' }, capabilities: { chat: false } },
      });
      expect(quiet.stderr).toBe('');
    }));

  test('--stats prints one line of figures on stderr', () =>
    tryMain({}, async ({ run }) => {
      const { stdout, stderr } = await run(['--stats', '--engine', 'legacy', 'Hi'], { script: hello });
      expect(stdout).toBe('Hello there.\n');
      expect(stderr).toMatch(
        /^tiny · legacy engine \(llama\.cpp\) · prompt \d+ tokens, 0 cached, \d+ evaluated · answer 12 tokens .* total .*\n$/,
      );
    }));

  test('--verbose names the engine in the words of the documentation', () =>
    tryMain({}, async ({ run }) => {
      expect((await run(['-v', 'Hi'], { script: hello })).stderr).toContain(
        'Using OptimizedGemmaInterface with streaming and process reuse',
      );
      expect((await run(['-v', '--engine', 'legacy', 'Hi'], { script: hello })).stderr).toContain(
        'Using standard GemmaInterface',
      );
      expect((await run(['Hi'], { script: hello })).stderr).toBe('');
    }));

  test('performance.use_optimized_gemma decides, and --engine wins over it', () =>
    tryMain({}, async ({ run }) => {
      const env = { GEMMA_PERFORMANCE_USE_OPTIMIZED_GEMMA: 'false' };
      const engineOf = async (argv: readonly string[]) =>
        (JSON.parse((await run(argv, { script: hello, env })).stdout) as { engine: unknown }).engine;
      expect(await engineOf(['--json', 'Hi'])).toMatchObject({ requested: 'legacy', active: 'legacy' });
      expect(await engineOf(['--json', '--engine=optimized', 'Hi'])).toMatchObject({
        requested: 'optimized',
        active: 'optimized',
      });
    }));

  test('Ctrl-C ends the answer: its part stays on stdout, exit code 130', () =>
    tryMain({}, async ({ run }) => {
      const { code, stdout, stderr } = await run(['Hi'], {
        script: endless,
        onStdout: (text, { abort }) => {
          if (text.length > 5) abort();
        },
      });
      expect(code).toBe(130);
      expect(stdout).toMatch(/^x{6,}\n$/);
      expect(stderr).toBe('');
    }));

  test('a reader that goes away ends it quietly', () =>
    tryMain({}, async ({ run }) => {
      const { code, stderr } = await run(['Hi'], {
        script: endless,
        onStdout: (text, { breakPipe }) => {
          if (text.length > 5) breakPipe();
        },
      });
      expect(code).toBe(0);
      expect(stderr).toBe('');
    }));

  test('--no-daemon is accepted', () =>
    tryMain({}, async ({ run }) => {
      expect(await run(['--no-daemon', 'Hi'], { script: hello })).toEqual({
        code: 0,
        stdout: 'Hello there.\n',
        stderr: '',
      });
    }));

  test('a word like a command is a prompt, with a hint', () =>
    tryMain({}, async ({ run }) => {
      const { code, stderr } = await run(['lst'], { script: hello });
      expect(code).toBe(0);
      expect(stderr).toContain('gemma list');
    }));
});

describe('--json', () => {
  test('prints exactly one object with exactly these keys', () =>
    tryMain({}, async ({ run }) => {
      const { code, stdout, stderr } = await run(['--json', 'Hi'], { script: hello });
      expect(code).toBe(0);
      expect(stderr).toBe('');
      expect(stdout.endsWith('}\n')).toBe(true);
      const object = JSON.parse(stdout) as Record<string, Record<string, unknown>>;
      expect(Object.keys(object)).toEqual(['text', 'model', 'engine', 'finishReason', 'usage', 'timings']);
      expect(object).toMatchObject({ text: 'Hello there.', model: 'tiny', finishReason: 'stop' });
      expect(object['engine']).toEqual({ requested: 'optimized', active: 'optimized', runtime: 'llama.cpp' });
      expect(Object.keys(object['usage'] ?? {})).toEqual([
        'promptTokens',
        'cachedTokens',
        'evaluatedTokens',
        'outputTokens',
      ]);
      expect(Object.keys(object['timings'] ?? {})).toEqual([
        'queueMs',
        'loadMs',
        'promptMs',
        'ttftMs',
        'tpotMs',
        'totalMs',
      ]);
    }));

  test('--json --stream prints the events as lines, the engine’s in their order', () =>
    tryMain({}, async ({ run }) => {
      const { stdout } = await run(['--json', '--stream', 'Hi'], { script: hello });
      const events = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { type: string; text?: string });
      expect(events[0]?.type).toBe('answer-start');
      // A busy machine may change the number of threads in the middle.
      const types = events.map(({ type }) => type).filter((type) => type !== 'threads-changed');
      expect([...new Set(types)]).toEqual(['answer-start', 'load-start', 'load-end', 'text-delta', 'generation-end']);
      expect(events.map(({ text }) => text ?? '').join('')).toBe('Hello there.');
    }));

  test('Ctrl-C gives the object with the part and the reason, exit code 130', () =>
    tryMain({}, async ({ run }) => {
      const controls: { abort?: () => void } = {};
      const { code, stdout } = await run(['--json', '--stream', 'Hi'], {
        script: endless,
        onStdout: (text, { abort }) => {
          controls.abort = abort;
          if (text.includes('text-delta')) abort();
        },
      });
      expect(code).toBe(130);
      expect(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
        type: 'generation-end',
        reason: 'aborted',
      });
    }));

  test('a crash is one error object with its facts and the part of the text', () =>
    tryMain({}, async ({ run }) => {
      const script = { ...hello, faults: [{ at: 'piece', after: 5, do: 'kill', signal: 'SIGKILL' }] } as const;
      const { code, stdout, stderr } = await run(['--json', 'Hi'], { script });
      expect(code).toBe(4);
      expect(stderr).toBe('');
      const { error } = JSON.parse(stdout) as { error: Record<string, unknown> };
      expect(error).toMatchObject({ code: 'ENGINE_EXITED', signal: 'SIGKILL', message: expect.any(String) });
      expect('Hello'.startsWith(error['partialText'] as string)).toBe(true);
    }));

  test('a usage error is one error object too', () =>
    tryMain({}, async ({ run }) => {
      const { code, stdout, stderr } = await run(['--json', '--egine', 'x', 'Hi']);
      expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
      expect(JSON.parse(stdout)).toEqual({
        error: { code: 'USAGE', message: expect.stringContaining('--engine'), option: '--egine', nearest: '--engine' },
      });
    }));

  test('characters that act on a terminal are written as escapes and read back the same', () =>
    tryMain({}, async ({ run }) => {
      const text = 'a\u009B31m\u202Eb\u{E0041}c\u001B[0m';
      const { stdout } = await run(['--json', 'Hi'], { script: { answer: { text } } });
      expect((JSON.parse(stdout) as { text: string }).text).toBe(text);
      expect(stdout.trimEnd()).toMatch(/^[ -~]+$/);
    }));
});

describe('errors', () => {
  test.each<[title: string, argv: readonly string[], code: number, stderr: RegExp]>([
    ['an unknown option names the nearest', ['--jsn', 'Hi'], 2, /--json/],
    ['an unknown key of -o names the nearest', ['-o', 'tempreature=1', 'Hi'], 2, /Did you mean temperature\?/],
    ['a snake-case key of -o names ours', ['-o', 'max_tokens=1', 'Hi'], 2, /Did you mean maxTokens\?/],
    ['a value of the wrong type', ['-o', 'seed=abc', 'Hi'], 2, /Expected a number/],
    ['a value out of range', ['-o', 'temperature=9', 'Hi'], 2, /temperature/],
    ['an engine that does not exist', ['--engine', 'fast', 'Hi'], 2, /legacy or optimized/],
    ['a missing value', ['Hi', '-m'], 2, /Expected NAME\|FILE/],
    ['an option in the place of a value', ['-m', '--stats', 'Hi'], 2, /Expected NAME\|FILE/],
    ['no prompt at all', ['ask'], 2, /Expected a prompt/],
    ['a model that is not installed', ['-m', 'nope', 'Hi'], 3, /gemma/],
    ['a model file that is not there', ['-m', './nope.gguf', 'Hi'], 3, /nope\.gguf/],
    ['a file that is not there', ['-f', 'nope.txt', 'Hi'], 1, /nope\.txt/],
    ['an option of a command that does not exist', ['list', '--catalogue'], 2, /--catalog/],
    ['a command whose letters are swapped', ['help', 'lsit'], 2, /Did you mean list\?/],
    ['a command that is like no other', ['help', 'zz'], 2, /"zz"\. See `gemma --help`\./],
    ['a sub-command whose letters are swapped', ['role', 'sohw', 'x'], 2, /Did you mean show\?/],
    [
      'a sub-command like no other',
      ['role', 'zz'],
      2,
      /There is no command `gemma role zz`\. See `gemma role --help`\./,
    ],
    ['a superfluous argument', ['list', 'x'], 2, /argument/],
    ['a superfluous argument of a sub-command', ['role', 'list', 'x'], 2, /Too many arguments/],
  ])('%s', (_title, argv, code, stderr) =>
    tryMain({}, async ({ run }) => {
      const outcome = await run(argv, { script: hello });
      expect(outcome.code).toBe(code);
      expect(outcome.stdout).toBe('');
      expect(outcome.stderr).toMatch(stderr);
      expect(outcome.stderr.trimEnd().split('\n')).toHaveLength(1);
    }),
  );

  test('a file that is no model is refused with exit code 7', () =>
    tryMain({}, async ({ folder, run }) => {
      await writeFile(join(folder, 'bad.gguf'), Buffer.alloc(100));
      expect((await run(['-m', 'bad.gguf', 'Hi'])).code).toBe(7);
    }));

  test('a prompt longer than the context is refused with exit code 6 and the counts', () =>
    tryMain({}, async ({ run }) => {
      const { code, stdout } = await run(['--json', '-o', 'contextTokens=64', 'x'.repeat(200)], { script: hello });
      expect(code).toBe(6);
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'CONTEXT_EXCEEDED', contextTokens: 64 } });
    }));

  test('a broken configuration is exit code 2 and names the key', () =>
    tryMain({}, async ({ folder, run }) => {
      await mkdir(join(folder, 'home'), { recursive: true });
      await writeFile(join(folder, 'home', 'config.toml'), '[engine]\nthreds = 2\n');
      const { code, stderr } = await run(['Hi']);
      expect(code).toBe(2);
      expect(stderr).toContain('threads');
    }));

  test('a key of the Python program is a warning, not an error', () =>
    tryMain({}, async ({ folder, run }) => {
      await mkdir(join(folder, 'home'), { recursive: true });
      await writeFile(join(folder, 'home', 'config.toml'), '[mcp]\nenabled = true\n');
      const { code, stdout, stderr } = await run(['Hi'], { script: hello });
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'Hello there.\n' });
      expect(stderr).toContain('gemma config migrate');
      expect((await run(['-q', 'Hi'], { script: hello })).stderr).toBe('');
    }));

  test('a crash in mid-answer keeps the part on stdout and tells the error on stderr', () =>
    tryMain({}, async ({ run }) => {
      const script = {
        ...hello,
        pieceMs: 20,
        faults: [{ at: 'piece', after: 5, do: 'kill', signal: 'SIGKILL' }],
      } as const;
      const { code, stdout, stderr } = await run(['Hi'], { script });
      expect(code).toBe(4);
      expect(stdout).toMatch(/^H.*\n$/);
      expect(stderr).toContain('[ENGINE_EXITED]');
    }));
});

describe('a terminal', () => {
  const evil = { answer: { text: 'a\u001B[31mb\u001B]0;title\u0007c\u202Ed\u009B2Je\rf' }, pieceBytes: 1 };

  test('gets no control sequence of the model, cut at any byte', () =>
    tryMain({}, async ({ run }) => {
      expect((await run(['Hi'], { script: evil, terminal: true })).stdout).toBe('abc\\u{202E}def\n');
    }));

  test('a pipe gets the text as it is', () =>
    tryMain({}, async ({ run }) => {
      expect((await run(['Hi'], { script: evil })).stdout).toBe(`${evil.answer.text}\n`);
    }));

  test('an error that quotes a stranger is cleaned, whatever stderr is', () =>
    tryMain({}, async ({ run }) => {
      const { stderr } = await run(['-m', 'x\u001B[31my\u202E', 'Hi']);
      expect(stderr).not.toContain('\u001B');
      expect(stderr).not.toContain('\u202E');
      const failure = {
        faults: [{ at: 'load', do: 'failure', code: 'ENGINE_LOAD_FAILED', message: 'bad \u001B]0;t\u0007file' }],
      } as const;
      expect((await run(['Hi'], { script: failure })).stderr).toBe('gemma: bad file [ENGINE_LOAD_FAILED]\n');
    }));
});

describe('gemma run', () => {
  test('answers once with the model that is named', () =>
    tryMain({}, async (trial) => {
      const outcome = await trial.run(['run', trial.model, 'Hi', 'there', '-s', 'S'], {
        script: hello,
        env: { GEMMA_GEMMA_DEFAULT_MODEL: 'nope' },
      });
      expect(outcome).toEqual({ code: 0, stdout: 'Hello there.\n', stderr: '' });
      expect(prompts(trial)[0]).toContain('<|system|>S<|end|><|user|>Hi there<|end|>');
    }));

  test('without a model it is a usage error', () =>
    tryMain({}, async ({ run }) => {
      expect((await run(['run'])).code).toBe(2);
    }));
});

describe('gemma chat', () => {
  test('answers each line that is piped in, in one conversation', () =>
    tryMain({}, async (trial) => {
      const outcome = await trial.run(['chat'], { script: hello, input: 'one\n\ntwo\n' });
      expect(outcome).toEqual({ code: 0, stdout: 'Hello there.\nHello there.\n', stderr: '' });
      expect(prompts(trial)[1]).toBe(
        '<|begin|><|user|>one<|end|><|assistant|>Hello there.<|end|><|user|>two<|end|><|assistant|>',
      );
      // One process for both.
      expect(readJournal(trial.journal).filter(({ event }) => event === 'spawn')).toHaveLength(1);
    }));

  test('/clear forgets, /stats counts, /help helps, unknown commands are named, /bye leaves', () =>
    tryMain({}, async (trial) => {
      const { code, stdout, stderr } = await trial.run(['chat'], {
        script: hello,
        input: 'one\n/stats\n/clear\ntwo\n/help\n/foo\n/bye\nthree\n',
      });
      // That of the command that is none.
      expect(code).toBe(2);
      expect(stdout).toBe('Hello there.\nHello there.\n');
      expect(prompts(trial)).toHaveLength(2);
      expect(prompts(trial)[1]).toBe('<|begin|><|user|>two<|end|><|assistant|>');
      expect(stderr).toMatch(/2 messages · 1 answers/);
      expect(stderr).toContain('/clear');
      expect(stderr).toContain('no command "/foo"');
    }));

  test('a crash is told, the next message is answered, and the exit code is that of the crash', () =>
    tryMain({}, async ({ run }) => {
      const script = {
        ...hello,
        pieceMs: 5,
        faults: [{ at: 'piece', after: 5, process: 1, do: 'kill', signal: 'SIGKILL' }],
      } as const;
      const { code, stdout, stderr } = await run(['chat'], { script, input: 'one\n/foo\ntwo\n' });
      expect(code).toBe(4);
      expect(stderr).toContain('[ENGINE_EXITED]');
      expect(stdout).toMatch(/^H.*\nHello there\.\n$/);
    }));

  test('an error that the next message would meet too ends it with its exit code', () =>
    tryMain({}, async ({ run }) => {
      expect((await run(['chat', '-m', 'nope'], { input: 'one\ntwo\n' })).code).toBe(3);
    }));

  test('an empty input is an empty conversation', () =>
    tryMain({}, async ({ run }) => {
      expect(await run(['chat'])).toEqual({ code: 0, stdout: '', stderr: '' });
    }));
});
