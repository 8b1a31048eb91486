import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  describeUnless,
  gemmaCppRecordings,
  readRecording,
  readStandInJournal,
  recordedArguments,
  recordedOutput,
  replayGemma,
  standInGemma,
  standInWeights,
  withTemporaryFolder,
} from '../src/index.ts';
import type { StandInScript } from '../src/index.ts';

const hint = "Use '%q' to quit.\n";

/** What a process did. */
interface Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: string | null;
}

/** Runs an executable with arguments and an input that is closed. */
function run(executable: string, args: readonly string[], input = ''): Promise<Run> {
  return new Promise((resolve) => {
    const child = spawn(executable, [...args], { env: {} });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('close', (code, signal) => resolve({ stdout, stderr, code, signal }));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** Runs a stand-in on weights of a base model, quiet unless the arguments say otherwise. */
function standIn(
  args: readonly string[],
  { input = '', script = {} }: { readonly input?: string; readonly script?: StandInScript } = {},
): Promise<Run> {
  return withTemporaryFolder(async (folder) => {
    const weights = join(folder, 'w.sbs');
    await writeFile(weights, standInWeights({ wrapping: 'base' }));
    const executable = standInGemma(join(folder, 'bin'), { answer: { text: 'fine' }, ...script });
    return run(executable, [...args, '--verbosity', '0', '--weights', weights], input);
  });
}

describe('command line of the stand-in', () => {
  it.concurrent('prints its help on stderr with exit code 0, also when --help is a value', async () => {
    for (const args of [['--help'], ['--prompt', '--help']]) {
      const { stdout, stderr, code } = await standIn(args);
      expect({ stdout, code }).toEqual({ stdout: '', code: 0 });
      expect(stderr).toContain('  --prompt_file : ');
    }
  });

  it.concurrent('ignores unknown flags and --flag=value, and takes the first of a flag', async () => {
    const script = { answer: { text: 'abcdefghijklmnop' } };
    const tokens = async (args: string[]): Promise<string> =>
      (await standIn([...args, '--prompt', 'x'], { script })).stdout;
    expect(await tokens(['--no_such_flag', '7', '--max_generated_tokens', '2'])).toBe('abcdefgh\n\n');
    expect(await tokens(['--max_generated_tokens=1'])).toBe('abcdefghijklmnop\n\n');
    expect(await tokens(['--max_generated_tokens', '1', '--max_generated_tokens', '3'])).toBe('abcd\n\n');
  });

  it.concurrent('answers --prompt and --prompt_file once, and reads stdin for an empty prompt', async () => {
    expect((await standIn(['--prompt', 'x'], { input: 'not read\n' })).stdout).toBe('fine\n\n');
    expect((await standIn(['--prompt', ''], { input: 'one\ntwo\n' })).stdout).toBe('fine\n\nfine\n\n');
  });
});

describe('input of the stand-in', () => {
  const cases: readonly (readonly [title: string, input: string, stdout: string, args?: readonly string[]])[] = [
    ['answers an empty line with the hint', '\n', hint],
    ['quits at anything that begins with %q', 'one\n%query\ntwo\n', 'fine\n\n'],
    ['says nothing to %c', '%complete\n\n', hint],
    ['takes a line with a space in front for a prompt', ' %q\n', 'fine\n\n'],
    ['answers an unterminated last line', 'one', 'fine\n\n'],
    ['answers a CRLF line that looks empty', '\r\n', 'fine\n\n'],
    ['reads lines up to the end line', 'one\ntwo\nEND\nEND\n', `fine\n\n${hint}`, ['--eot_line', 'END']],
    ['drops what stands before the end without an end line', 'one\ntwo\n', '', ['--eot_line', 'END']],
  ];
  for (const [title, input, stdout, args = []] of cases)
    it.concurrent(title, async () => {
      expect(await standIn(args, { input })).toMatchObject({ stdout, code: 0 });
    });

  it.concurrent('remembers with --multiturn 1, until %c or the length of the context', async () => {
    const lengths = async (args: readonly string[], input: string): Promise<number[]> =>
      withTemporaryFolder(async (folder) => {
        const journal = join(folder, 'journal');
        await standIn(args, { input, script: { journal } });
        return readStandInJournal(journal).flatMap((entry) => (entry.event === 'prompt' ? [entry.context.length] : []));
      });
    const [one = 0, two = 0] = await lengths(['--multiturn', '1'], 'abc\nabc\n');
    expect(two).toBeGreaterThan(one);
    const apart = await lengths(['--multiturn', '1'], 'abc\n%c\nabc\n');
    expect(apart[0]).toBe(apart[1]);
    const single = await lengths([], 'abc\nabc\n');
    expect(single[0]).toBe(single[1]);
  });

  it.concurrent('loses the white space before its first token, and no other', async () => {
    const { stdout } = await standIn(['--prompt', 'x'], { script: { answer: { pieces: [' \n a', ' b', '\n'] } } });
    expect(stdout).toBe('a b\n\n\n');
  });

  it.concurrent('shows dots, a prompt mark and timings at verbosity 1, and the end at 2', async () => {
    const run1 = await standIn(['--verbosity', '1'], { input: 'ab\n\n' });
    expect(run1.stdout.endsWith(`> ..\n\nfine\n\n> ${hint}> `)).toBe(true);
    expect(run1.stderr).toContain('[ Timing info ] Generate: ');
    expect((await standIn(['--verbosity', '2'], { input: 'ab\n' })).stdout).toContain('fine\n[ End ]\n\n\n> ');
  });
});

const { folder: place, missing } = gemmaCppRecordings();

describeUnless(missing, 'the stand-in beside recordings', () => {
  const failures = [
    'bad-bool',
    'bad-tristate',
    'bad-int',
    'bad-int-range',
    'missing-value',
    'no-weights',
    'missing-file',
  ];
  for (const name of failures)
    it.concurrent(`errors/${name}: ends and says as the recorded process did`, async () => {
      const events = readRecording(join(place, 'errors', `${name}.jsonl`));
      const recorded = events.find(({ stream }) => stream === 'exit');
      const said = events
        .map(({ stream, data }) => (stream === 'stderr' && typeof data === 'string' ? data : ''))
        .join('');
      await withTemporaryFolder(async (folder) => {
        const weights = join(folder, 'w.sbs');
        await writeFile(weights, standInWeights({ wrapping: 'base' }));
        const args = recordedArguments(events).map((arg) => (arg.startsWith('/models/') ? weights : arg));
        const { stderr, code, signal } = await run(standInGemma(join(folder, 'bin')), args);
        expect({ stderr, code, signal }).toEqual({ stderr: said, code: recorded?.code, signal: recorded?.signal });
      });
    });
});

describeUnless(missing, 'the replayer', () => {
  const recording = join(place, 'cli', 'recommended-eot-sentinel.jsonl');
  const args = ['--eot_line', 'E'];
  // A line less than was recorded, so that only the prompts decide what comes.
  const prompts =
    'E\nMy name is Alice.\n\nI live in Paris.\nE\nE\nMy name is\nE\nE\n%c\nE\nE\nMy name is\nE\nE\n %quick test\nE\nE\n%q\nE\n';

  it.concurrent('plays a recording byte for byte', () =>
    withTemporaryFolder(async (folder) => {
      const { stdout, code } = await run(replayGemma(folder, { recording, timeScale: 0 }), args, prompts);
      expect(stdout).toBe(recordedOutput(readRecording(recording)));
      expect(code).toBe(0);
    }));

  it.concurrent('answers an empty prompt that was not recorded, and refuses another prompt', () =>
    withTemporaryFolder(async (folder) => {
      const executable = replayGemma(folder, { recording, timeScale: 0 });
      const more = await run(executable, args, prompts.replace('%c', 'E\n%c'));
      expect(more.stdout.length).toBe(recordedOutput(readRecording(recording)).length + hint.length);
      const other = await run(executable, args, 'E\nAnother question\nE\nE\n');
      expect(other.code).toBe(96);
      expect(other.stderr).toContain('Another question');
    }));
});
