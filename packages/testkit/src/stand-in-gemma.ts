/**
 * A stand-in for the gemma.cpp executable: the same command line, the same streams, no model. It answers from a script
 * (first argument, see `gemma-cpp-script.ts`), or tells what it remembers, so that a conversation can be seen to go on.
 *
 * @module
 */
import { appendFileSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { readLines } from './read-lines.ts';
import { currentHelp } from './stand-in-help.ts';
import type { StandInEntry, StandInFault, StandInPoint, StandInScript, StandInText } from './gemma-cpp-script.ts';
import { readStandInJournal, standInReply, standInTokens } from './gemma-cpp-script.ts';

/** A stand-in that was forgotten ends by itself after this time. */
const lifeMsMax = 120_000;

/** Long enough for a turn to be over on the other side too. */
const idleMs = 60;

const emptyPromptHint = "Use '%q' to quit.\n";
const banner =
  '\u001B[2J\u001B[1;1H\n  gemma.cpp\n\n\n*Usage*\n  Enter an instruction and press enter (%C resets conversation, %Q quits).\n\n';

const script = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as StandInScript;
const args = process.argv.slice(3);
const struck = new Set<StandInFault>();
let spawnNumber = 1;

type EntryFacts = StandInEntry extends infer Entry ? (Entry extends StandInEntry ? Omit<Entry, 'pid'> : never) : never;

void main();

async function main(): Promise<void> {
  setTimeout(() => process.exit(99), lifeMsMax).unref();
  // The reader went away: gemma.cpp dies of SIGPIPE, which Node ignores.
  process.stdout.on('error', () => process.kill(process.pid, 'SIGKILL'));
  const known = readArguments(args);
  if (args.length === 0 || args.includes('--help')) {
    note({ event: 'help' });
    writeAll(2, script.help ?? currentHelp);
    return;
  }
  // oxlint-disable-next-line node/no-process-env -- a test of the environment asks for the names
  note({ event: 'spawn', args, environment: Object.keys(process.env) });
  if (script.journal !== undefined) {
    const spawns = readStandInJournal(script.journal).filter(({ event }) => event === 'spawn');
    spawnNumber = spawns.findIndex(({ pid }) => pid === process.pid) + 1;
  }
  await strike('start', 0);
  const wrapping = readWeights(known.weights);
  await sleepFor(script.loadMs);
  await strike('load', 0);
  await converse(known, wrapping);
  process.exit(0);
}

interface Arguments {
  readonly weights: string;
  readonly verbosity: number;
  readonly seqLen: number;
  readonly maxTokens: number;
  readonly topK: number;
  readonly isDeterministic: boolean;
  readonly isMultiturn: boolean;
  readonly prompt: string;
  readonly promptFile: string;
  readonly endLine: string;
}

/** Reads flags as gemma.cpp does: the first of a name counts, anything unknown is ignored, a value may look like a flag. */
function readArguments(given: readonly string[]): Arguments {
  const text = (name: string, otherwise: string): string => {
    const at = given.indexOf(`--${name}`);
    if (at < 0) return otherwise;
    const value = given[at + 1];
    if (value === undefined) abort('args.h', 105, `Missing value for ${name}\n`);
    return value;
  };
  const whole = (name: string, otherwise: number): number => {
    const value = text(name, String(otherwise));
    const number = Number.parseInt(value, 10);
    const what = Number.isNaN(number) ? 'invalid_argument' : Math.abs(number) >= 2 ** 31 ? 'out_of_range' : undefined;
    if (what !== undefined) {
      writeAll(2, `terminate called after throwing an instance of 'std::${what}'\n  what():  stoi\n`);
      endBySignal('SIGABRT');
    }
    return number < 0 ? Number.MAX_SAFE_INTEGER : number;
  };
  const choice = (name: string, allowed: readonly string[]): string => {
    const value = text(name, allowed[0] ?? '').toLowerCase();
    if (!allowed.includes(value)) abort('args.h', 108, `Invalid value for ${name}, got ${text(name, '')}\n`);
    return value;
  };
  const tristate = ['default', 'auto', '-1', 'true', 'on', '1', 'false', 'off', '0'];
  for (const name of ['map', 'to_bf16', 'pin', 'spin', 'bind']) choice(name, tristate);
  const isOn = (name: string): boolean =>
    ['true', 'on', '1'].includes(choice(name, ['false', 'off', '0', 'true', 'on', '1']));
  whole('num_threads', 0);
  return {
    weights: text('weights', ''),
    verbosity: whole('verbosity', 1),
    seqLen: whole('seq_len', 8192),
    maxTokens: whole('max_generated_tokens', 4096),
    topK: whole('top_k', 1),
    isDeterministic: isOn('deterministic'),
    isMultiturn: isOn('multiturn'),
    prompt: text('prompt', ''),
    promptFile: text('prompt_file', ''),
    endLine: text('eot_line', ''),
  };
}

/** Opens weights and tells how prompts are wrapped. */
function readWeights(path: string): 'instruct' | 'base' {
  let bytes = Buffer.alloc(0);
  try {
    bytes = readFileSync(path);
  } catch {
    abort('io.cc', 199, `Failed to open ${path}`);
  }
  if (bytes.length === 0) abort('blob_store.cc', 420, `Zero-sized file ${path}`);
  const atEnd = bytes.readUInt32LE(4) === 0;
  const header = atEnd ? bytes.length - 16 : 0;
  const isBlobStore = bytes.length >= 32 && bytes.readUInt32LE(0) === 0x0a534253;
  if (!isBlobStore || Number(bytes.readBigUInt64LE(header + 8)) !== bytes.length) {
    writeAll(2, 'Warn at blob_store.cc:151: Failed to read BlobStore header.\n');
    abort('blob_store.cc', 227, 'Failed to read BlobStore header or directory.');
  }
  const blobs = bytes.readUInt32LE(header + 4);
  const directory = atEnd ? header - blobs * 32 : 16;
  for (let index = 0; index < blobs; index += 1) {
    const key = bytes.toString('latin1', directory + index * 16, directory + index * 16 + 6);
    if (key !== 'config') continue;
    const config = Number(bytes.readBigUInt64LE(directory + (blobs + index) * 16));
    const nameWords = bytes.readUInt32LE(config + 8);
    return bytes.readUInt32LE(config + 4 * (4 + nameWords)) === 1 ? 'base' : 'instruct';
  }
  return 'instruct';
}

async function converse(known: Arguments, wrapping: 'instruct' | 'base'): Promise<void> {
  const { verbosity, prompt, promptFile, endLine } = known;
  /** Tokens of everything that the model has before it. */
  let remembered: string[] = [];
  let waiting = '';
  const flush = (): void => {
    writeAll(1, waiting);
    waiting = '';
  };

  if (prompt !== '' || promptFile !== '') {
    remembered = await answer(prompt === '' ? readPrompt(promptFile) : prompt, [], known, wrapping);
    // Only the end of the process lets the last newlines out.
    writeAll(1, '\n\n');
    return;
  }
  if (verbosity >= 1) {
    writeAll(1, banner);
    writeAll(2, `verbosity                     : ${verbosity}\n`);
  }
  const lines = readLines();
  for (;;) {
    if (verbosity >= 1) waiting += '> ';
    flush();
    const text = endLine === '' ? await lines.next() : await readBlock(lines, endLine);
    if (text === null || /^%[qQ]/u.test(text)) {
      note({ event: 'quit' });
      return;
    }
    if (/^%[cC]/u.test(text)) {
      note({ event: 'forget' });
      remembered = [];
    } else if (text === '') {
      waiting += emptyPromptHint;
    } else {
      remembered = await answer(text, remembered, known, wrapping);
      if (!known.isMultiturn) remembered = [];
      setTimeout(() => void strike('idle', 0), idleMs).unref();
      waiting += '\n\n';
    }
  }
}

function readPrompt(path: string): string {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    abort('io.cc', 199, `Failed to open ${path}`);
  }
  if (text === '') abort('io.cc', 210, `Empty file ${path}`);
  return text;
}

/** Evaluates a prompt and writes an answer. Gives what is remembered then. */
async function answer(
  text: string,
  before: readonly string[],
  { verbosity, seqLen, maxTokens, topK, isDeterministic }: Arguments,
  wrapping: 'instruct' | 'base',
): Promise<string[]> {
  const isFirst = before.length === 0;
  const wrapped =
    wrapping === 'base'
      ? text
      : `${isFirst ? '' : '<end_of_turn>\n'}<start_of_turn>user\n${text}<end_of_turn>\n<start_of_turn>model\n`;
  const prompt = standInTokens(wrapped);
  if (isFirst) prompt.unshift('<bos>');
  await strike('prompt', 0);
  if (prompt.length >= seqLen) {
    abort('gemma.cc', 515, `max_prompt_size = ${prompt.length}, increase --seq_len to at least that.`);
  }
  let tokensMax = maxTokens;
  if (prompt.length + maxTokens > seqLen) {
    writeAll(
      2,
      `Warn at gemma.cc:553: prefill ${prompt.length} + max_gen_steps ${maxTokens} > seq_len ${seqLen}, truncating.\n`,
    );
    tokensMax = seqLen - prompt.length;
  }
  // The cache is a ring: what is older than its length is forgotten without a word.
  const context = [...before, ...prompt].slice(-seqLen);
  note({ event: 'prompt', text, context: context.join(''), tokens: prompt.length });
  if (verbosity >= 1) {
    writeAll(2, '\n[ Reading prompt ] ');
    writeAll(1, '.'.repeat(prompt.length));
    writeAll(2, `\n\n[ Timing info ] Prefill: 1 ms for ${prompt.length} prompt tokens\n`);
  }

  const tokens = answerTokens(context.join(''), topK > 1 && !isDeterministic);
  let count = 0;
  for (const token of tokens) {
    await strike('token', count);
    if (count === tokensMax) break;
    await sleepFor(script.tokenMs);
    const shown = count === 0 && typeof token === 'string' ? token.replace(/^[ \t\n]+/u, '') : token;
    if (count === 0 && verbosity >= 1) writeAll(1, '\n\n');
    writeAll(1, shown);
    count += 1;
    // Signals and the other end of the pipe are looked at between tokens.
    if (count % 16 === 0) await sleep(0);
  }
  await strike('end', 0);
  if (verbosity >= 1) writeAll(2, `\n[ Timing info ] Generate: 1 ms for ${count} tokens\n`);
  if (verbosity >= 2 && count < tokensMax) writeAll(1, '\n[ End ]\n');
  note({ event: 'answered' });
  // At the limit the last token was written and never evaluated.
  return [...context, ...tokens.slice(0, count === tokensMax ? count - 1 : count).map(String)].slice(-seqLen);
}

function answerTokens(context: string, isRandom: boolean): readonly (string | Buffer)[] {
  const scripted = script.answerWhen?.find(({ promptHas }) => context.includes(promptHas))?.answer ?? script.answer;
  if (scripted !== undefined) return piecesOf(scripted);
  return standInTokens(standInReply(context) + (isRandom ? ` ${Math.floor(Math.random() * 1e9)}` : ''));
}

function piecesOf(text: StandInText): readonly (string | Buffer)[] {
  if ('pieces' in text) return text.pieces;
  if ('repeat' in text) return Array.from({ length: text.times }, () => text.repeat);
  if ('text' in text) return standInTokens(text.text);
  const bytes = Buffer.from(text.hex, 'hex');
  return Array.from({ length: Math.ceil(bytes.length / text.pieceBytes) }, (_, index) =>
    bytes.subarray(index * text.pieceBytes, (index + 1) * text.pieceBytes),
  );
}

/** Lines up to the end line, each with its newline. What stands before the end of the input without one is dropped. */
async function readBlock(lines: { next(): Promise<string | null> }, endLine: string): Promise<string | null> {
  let text = '';
  for (;;) {
    const line = await lines.next();
    if (line === null) return null;
    if (line === endLine) return text;
    text += `${line}\n`;
  }
}

async function strike(point: StandInPoint, passed: number): Promise<void> {
  for (const fault of script.faults ?? []) {
    if (fault.at !== point || passed < (fault.after ?? 0) || struck.has(fault)) continue;
    if (fault.process !== undefined && fault.process !== spawnNumber) continue;
    struck.add(fault);
    note({ event: 'fault' });
    const { do: action } = fault;
    switch (action.type) {
      case 'exit':
        writeAll(2, action.stderr ?? '');
        return process.exit(action.code);
      case 'kill':
        writeAll(2, action.stderr ?? '');
        return endBySignal(action.signal);
      case 'abort':
        return abort('some.cc', 1, action.reason);
      case 'hang':
        process.on('SIGTERM', () => {});
        setTimeout(() => process.exit(98), lifeMsMax);
        await new Promise(() => {});
        return;
      case 'delay':
        await sleep(action.ms);
        return;
      default:
        for (let count = 0; count < (action.times ?? 1); count += 1)
          writeAll(action.type === 'stdout' ? 1 : 2, action.text);
    }
  }
}

function abort(file: string, line: number, reason: string): never {
  writeAll(2, `Abort at ${file}:${line}: ${reason}\n`);
  endBySignal('SIGABRT');
}

function endBySignal(signal: NodeJS.Signals): never {
  process.kill(process.pid, signal);
  // The signal is on its way; nothing more may happen before it is here.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lifeMsMax);
  return process.exit(97);
}

function note(entry: EntryFacts): void {
  if (script.journal !== undefined)
    appendFileSync(script.journal, `${JSON.stringify({ pid: process.pid, ...entry })}\n`);
}

async function sleepFor(ms = 0): Promise<void> {
  if (ms > 0) await sleep(ms);
}

/** Writes at once, waiting while the pipe is full. */
function writeAll(descriptor: 1 | 2, text: string | Buffer): void {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(descriptor, bytes, done);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') endBySignal('SIGKILL');
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}
