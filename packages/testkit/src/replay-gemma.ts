/**
 * Plays a recorded run of gemma.cpp (first argument: a file with a `Replay`): stdout, stderr and the end, byte for byte,
 * each behind the prompts that it stood behind when it was recorded. Prompts must be those of the recording. Empty prompts
 * that were not recorded are answered as gemma.cpp answers every empty prompt, and a process that ended well stays until
 * the end of the input, which for one with `--prompt` came at once.
 *
 * @module
 */
import { readFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { readRecording, recordedArguments, recordedBytes } from './gemma-cpp-recordings.ts';
import type { RecordedEvent, Replay } from './gemma-cpp-recordings.ts';
import { readLines } from './read-lines.ts';
import { currentHelp } from './stand-in-help.ts';

const emptyPromptHint = "Use '%q' to quit.\n";

/** What the driver wrote that the recording does not hold. */
const differenceExitCode = 96;

void main();

async function main(): Promise<void> {
  setTimeout(() => process.exit(99), 120_000).unref();
  const { recording, timeScale } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Replay;
  const args = process.argv.slice(3);
  if (args.includes('--help')) {
    writeSync(2, currentHelp);
    return;
  }
  const events = readRecording(recording);
  const recorded = recordedArguments(events);
  const prompts = recordedPrompts(events, recorded);
  const input = readPrompts(flag(args, 'eot_line'));
  let taken = 0;
  let last = 0;
  /** The prompts that were recorded up to the end of this input, empty ones that did not come included. */
  let endsAt: number | null = null;

  for (const { event, promptsBefore } of scheduled(events, recorded)) {
    if (taken < promptsBefore) last = event.t_ms;
    if (endsAt !== null && promptsBefore > endsAt) return process.exit(0);
    while (endsAt === null && taken < promptsBefore) {
      const got = await input.next();
      const expected = prompts[taken] ?? '';
      if (got === null && taken > 0) {
        // Who sends fewer prompts than were recorded gets fewer answers, but the last one whole.
        if (expected !== '') return process.exit(0);
        endsAt = promptsBefore;
        break;
      }
      if (got === '' && expected !== '') writeSync(1, emptyPromptHint);
      else if (got !== null && sameText(got, expected)) taken += 1;
      else refuse(got, expected);
    }
    await sleep(Math.max(0, event.t_ms - last) * timeScale);
    last = event.t_ms;
    if (event.stream === 'exit') {
      if (event.code === 0) await untilInputEnds(input);
      return end(event);
    }
    const bytes = recordedBytes(event);
    const hintAt = endsAt === null ? -1 : bytes.indexOf(emptyPromptHint);
    writeSync(event.stream === 'stdout' ? 1 : 2, hintAt < 0 ? bytes : bytes.subarray(0, hintAt));
    if (hintAt >= 0) return process.exit(0);
  }
}

async function untilInputEnds(input: ReturnType<typeof readPrompts>): Promise<void> {
  for (;;) {
    const got = await input.next();
    if (got === null) return;
    if (got === '') writeSync(1, emptyPromptHint);
    else refuse(got, null);
  }
}

function refuse(got: string | null, expected: string | null): never {
  writeSync(2, `replay: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}\n`);
  process.exit(differenceExitCode);
}

/** Outputs and the end, each with the number of prompts that were written before it. */
function scheduled(
  events: readonly RecordedEvent[],
  recorded: readonly string[],
): { readonly event: RecordedEvent; readonly promptsBefore: number }[] {
  const list: { event: RecordedEvent; promptsBefore: number }[] = [];
  const endLine = flag(recorded, 'eot_line');
  // A recorded --prompt comes on stdin here; only a process that failed while it loaded needs none.
  const failsLoading = !events.some(
    ({ stream, data }) => stream === 'stdout' || String(data).includes('max_prompt_size'),
  );
  let promptsBefore = recorded.includes('--prompt') && !failsLoading ? 1 : 0;
  let stdin = '';
  for (const event of events) {
    if (event.stream === 'stdin' && typeof event.data === 'string') {
      stdin += event.data;
      promptsBefore = splitPrompts(stdin, endLine).length;
    }
    const isOutput = (event.stream === 'stdout' || event.stream === 'stderr') && event.event === undefined;
    if (isOutput || event.stream === 'exit') list.push({ event, promptsBefore });
  }
  return list;
}

function recordedPrompts(events: readonly RecordedEvent[], recorded: readonly string[]): readonly string[] {
  const prompt = flag(recorded, 'prompt');
  if (prompt !== '') return [prompt];
  const stdin = events.map(({ stream, data }) => (stream === 'stdin' && typeof data === 'string' ? data : '')).join('');
  return splitPrompts(stdin, flag(recorded, 'eot_line'));
}

/** Cuts what was written to stdin into prompts, as gemma.cpp reads them. */
function splitPrompts(stdin: string, endLine: string): readonly string[] {
  const lines = stdin.split('\n').slice(0, -1);
  if (endLine === '') return lines;
  const prompts: string[] = [];
  let text = '';
  for (const line of lines) {
    if (line === endLine) {
      prompts.push(text);
      text = '';
    } else {
      text += `${line}\n`;
    }
  }
  return prompts;
}

/** A block of lines ends in a newline that a prompt on the command line did not have. */
function sameText(got: string, expected: string): boolean {
  return got === expected || got === `${expected}\n`;
}

function end({ code, signal }: RecordedEvent): void {
  if (signal !== undefined && signal !== null) {
    process.kill(process.pid, signal);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10_000);
  }
  process.exit(code ?? 0);
}

function flag(args: readonly string[], name: string): string {
  const at = args.indexOf(`--${name}`);
  return at < 0 ? '' : (args[at + 1] ?? '');
}

/** Prompts as they come, `null` at the end of the input. */
function readPrompts(endLine: string): { next(): Promise<string | null> } {
  const lines = readLines();
  return {
    async next() {
      let text = '';
      for (;;) {
        const line = await lines.next();
        if (line === null) return null;
        if (endLine === '') return line;
        if (line === endLine) return text;
        text += `${line}\n`;
      }
    },
  };
}
