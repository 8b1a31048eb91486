import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a stand-in for gemma.cpp says in place of its own answer. */
export type StandInText =
  /** Written token by token as the stand-in's tokenizer cuts it. */
  | { readonly text: string }
  /** Each written in one go. */
  | { readonly pieces: readonly string[] }
  /** Bytes, so many a write: they may cut characters. */
  | { readonly hex: string; readonly pieceBytes: number }
  /** The same token again and again. */
  | { readonly repeat: string; readonly times: number };

/** Where in the life of a stand-in a fault strikes. */
export type StandInPoint =
  | 'start'
  | 'load'
  | 'prompt'
  | 'token'
  | 'end'
  /** A moment after a turn, while nobody asks. */
  | 'idle';

/** A planned misfortune. Each strikes once in a process. */
export interface StandInFault {
  readonly at: StandInPoint;
  /** Tokens written before; only for `token`. Default 0. */
  readonly after?: number;
  /** Only in the n-th process, from 1. Default: in each. */
  readonly process?: number;
  readonly do:
    | { readonly type: 'exit'; readonly code: number; readonly stderr?: string }
    | { readonly type: 'kill'; readonly signal: NodeJS.Signals; readonly stderr?: string }
    /** Ends as gemma.cpp does when something is wrong. */
    | { readonly type: 'abort'; readonly reason: string }
    | { readonly type: 'hang' }
    | { readonly type: 'delay'; readonly ms: number }
    /** Writes what nobody expects. */
    | { readonly type: 'stdout' | 'stderr'; readonly text: string; readonly times?: number };
}

/** What a stand-in does. */
export interface StandInScript {
  /** File that it writes what happens to. Default: none. */
  readonly journal?: string;
  /** Text that comes instead of the current help, such as that of a tag or of another program. */
  readonly help?: string;
  /** How long loading takes. Default 0. */
  readonly loadMs?: number;
  /** Pause before each token. Default 0: tokens then share a read of the other side. */
  readonly tokenMs?: number;
  /** Answers to prompts that hold a text, first match; the prompt is everything that the model remembers. */
  readonly answerWhen?: readonly { readonly promptHas: string; readonly answer: StandInText }[];
  /** Answer to everything else. Default: what was heard so far, and a hash of it. */
  readonly answer?: StandInText;
  readonly faults?: readonly StandInFault[];
}

/** One line of the journal. */
export type StandInEntry =
  | { readonly event: 'help'; readonly pid: number }
  | {
      readonly event: 'spawn';
      readonly pid: number;
      readonly args: readonly string[];
      /** Names only. */
      readonly environment: readonly string[];
    }
  | {
      readonly event: 'prompt';
      readonly pid: number;
      /** The prompt as it came. */
      readonly text: string;
      /** Everything that the model has before it now, template included. */
      readonly context: string;
      /** Tokens that were evaluated for it. */
      readonly tokens: number;
    }
  | { readonly event: 'forget' | 'answered' | 'quit' | 'fault'; readonly pid: number };

/** Pieces of at most four letters, everything else one by one, turn markers whole: the tokens of the stand-in. */
export function standInTokens(text: string): string[] {
  return text.match(/<(?:start|end)_of_turn>| ?[A-Za-z]{1,4}|[^A-Za-z]/gu) ?? [];
}

/** What a stand-in says when its script does not: what it heard, and a hash of every character that it remembers. */
export function standInReply(context: string): string {
  const heard = [...context.matchAll(/<start_of_turn>user\n(.*?)<end_of_turn>/gsu)].map(([, said = '']) => said.trim());
  const hash = createHash('sha256').update(context).digest('hex').slice(0, 8);
  return heard.length === 0 ? `${hash} goes on.` : `I heard ${heard.length}: ${heard.join(' | ')} (${hash}).`;
}

/** Reads what stand-ins did so far. */
export function readStandInJournal(path: string): readonly StandInEntry[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // No stand-in has started yet.
    return [];
  }
  // The last line may be half written.
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as StandInEntry);
}

/** Writes an executable called `gemma` into a folder: the stand-in with its script. Its path. */
export function standInGemma(folder: string, script: StandInScript = {}): string {
  return writeExecutable(folder, 'stand-in-gemma.js', script);
}

/**
 * Writes an executable called `gemma` that runs a module of this package with a file as its first argument.
 *
 * A shell starts Node, because the kernel takes one argument at most behind `#!`.
 */
export function writeExecutable(folder: string, module: string, facts: unknown): string {
  mkdirSync(folder, { recursive: true });
  const script = join(folder, 'script.json');
  writeFileSync(script, JSON.stringify(facts));
  const path = join(folder, 'gemma');
  // The build, also when a test of this package imports the source.
  const modulePath = fileURLToPath(new URL(`../dist/${module}`, import.meta.url));
  const command = [process.execPath, modulePath, script].map((part) => `'${part.replaceAll("'", String.raw`'\''`)}'`);
  writeFileSync(path, `#!/bin/sh\nexec ${command.join(' ')} "$@"\n`, { mode: 0o755 });
  return path;
}

/** What weights without weights say about themselves. */
export interface StandInWeights {
  /** Default: instruct. */
  readonly wrapping?: 'instruct' | 'base' | 'vision' | 'paligemma';
  /** Default 32,768. */
  readonly contextTokensMax?: number;
  /** Default 3. */
  readonly family?: number;
  /** Blobs to leave out. Default: none. */
  readonly without?: readonly ('config' | 'tokenizer')[];
  /** Puts the directory at the end, as files written in one pass have it. Default false. */
  readonly directoryAtEnd?: boolean;
}

/** The bytes of single-file SBS weights with a configuration and a tokenizer, and no tensors. */
export function standInWeights({
  wrapping = 'instruct',
  contextTokensMax = 32_768,
  family = 3,
  without = [],
  directoryAtEnd = false,
}: StandInWeights = {}): Buffer {
  const name = Buffer.from('Stand-in\0\0\0\0');
  const words = [
    family,
    name.length / 4,
    ...Array.from({ length: name.length / 4 }, (_, index) => name.readUInt32LE(index * 4)),
    18,
    ['instruct', 'base', 'vision', 'paligemma'].indexOf(wrapping),
    5,
    18,
    640,
    262_144,
    contextTokensMax,
    0,
  ];
  const config = Buffer.alloc(4 * (words.length + 1));
  [words.length, ...words].forEach((word, index) => config.writeUInt32LE(word, index * 4));
  const blobs = [
    { key: 'config', bytes: config },
    { key: 'tokenizer', bytes: Buffer.from('no tokenizer') },
    { key: 'toc', bytes: Buffer.alloc(64, 1) },
  ].filter(({ key }) => !without.some((left) => left === key));

  const align = (position: number): number => Math.ceil(position / 256) * 256;
  const directoryBytes = blobs.length * 32;
  let position = align(directoryAtEnd ? 16 : 16 + directoryBytes);
  const directory = Buffer.alloc(directoryBytes);
  const parts: { readonly at: number; readonly bytes: Buffer }[] = [];
  blobs.forEach(({ key, bytes }, index) => {
    directory.write(key, index * 16, 'latin1');
    directory.writeBigUInt64LE(BigInt(position), (blobs.length + index) * 16);
    directory.writeBigUInt64LE(BigInt(bytes.length), (blobs.length + index) * 16 + 8);
    parts.push({ at: position, bytes });
    position = align(position + bytes.length);
  });
  const sizeBytes = directoryAtEnd ? position + directoryBytes + 16 : position;
  const file = Buffer.alloc(sizeBytes);
  for (const { at, bytes } of parts) bytes.copy(file, at);
  const header = (count: number): Buffer => {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt32LE(0x0a534253, 0);
    bytes.writeUInt32LE(count, 4);
    bytes.writeBigUInt64LE(BigInt(sizeBytes), 8);
    return bytes;
  };
  header(directoryAtEnd ? 0 : blobs.length).copy(file, 0);
  directory.copy(file, directoryAtEnd ? position : 16);
  if (directoryAtEnd) header(blobs.length).copy(file, sizeBytes - 16);
  return file;
}
