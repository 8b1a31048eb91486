import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@gemma-cli/bench-kit';
import type { Analyzer } from '@gemma-cli/rag-core';

/** What is known of a folder of passages: its `facts.json`. */
export interface PassagesFacts {
  /** Whether the passages are what people wrote. */
  readonly kind: 'real' | 'synthetic';
  readonly passages: number;
  readonly wordsMean: number;
  /** Seed of their order, or of what they are made of. */
  readonly seed: number;
  /** Packages that they were read from, with their versions. */
  readonly packages: readonly string[];
}

/** Files of a folder of passages: one a line, the queries too. */
export function passagesFiles(folder: string): {
  readonly passages: string;
  readonly queries: string;
  readonly facts: string;
} {
  return {
    passages: join(folder, 'passages.txt'),
    queries: join(folder, 'queries.txt'),
    facts: join(folder, 'facts.json'),
  };
}

/** Where the script that builds passages puts them; `undefined` without a home folder. */
export function defaultPassagesFolder(
  env: Readonly<Record<string, string | undefined>>,
  home: string | undefined,
): string | undefined {
  const cache = env['XDG_CACHE_HOME'] ?? (home === undefined ? undefined : join(home, '.cache'));
  return cache === undefined ? undefined : join(cache, 'gemma-cli-bench', 'passages');
}

/**
 * The same queries without stop words, for peers that know none. A query of nothing else stays as it is.
 *
 * @returns Path of the file beside `queries`, or in the folder of temporary files where that cannot be written.
 */
export async function contentFile(queries: string, analyzer: Analyzer): Promise<string> {
  const lines = (await readFile(queries, 'utf8')).split('\n').filter((line) => line !== '');
  const isStopWord = (word: string): boolean => {
    const terms = analyzer.query(word);
    return terms.length > 0 && terms.every((term) => term.isStopWord);
  };
  const content = lines.map((line) => {
    const kept = line.split(' ').filter((word) => !isStopWord(word));
    return kept.length === 0 ? line : kept.join(' ');
  });
  const text = `${content.join('\n')}\n`;
  const name = `gemma-bench-queries-${createHash('sha256').update(text).digest('hex').slice(0, 16)}.txt`;
  return writeOnce(join(tmpdir(), name), text);
}

/** Few synthetic passages, for a look at whether everything runs: words by Zipf's law. */
export async function ensureSynthetic(): Promise<{
  readonly files: ReturnType<typeof passagesFiles>;
  readonly facts: PassagesFacts;
}> {
  const facts: PassagesFacts = { kind: 'synthetic', passages: 500, wordsMean: 40, seed: 1, packages: [] };
  const folder = join(tmpdir(), 'gemma-bench-synthetic-1');
  const files = passagesFiles(folder);
  await mkdir(folder, { recursive: true });
  const random = seededRandom(facts.seed);
  const sentence = (words: number): string =>
    Array.from({ length: words }, () => syntheticWord(Math.floor(2_000 ** random()))).join(' ');
  const lines = (count: number, words: number): string =>
    Array.from({ length: count }, () => `${sentence(words)}\n`).join('');
  await writeOnce(files.passages, lines(facts.passages, facts.wordsMean));
  await writeOnce(files.queries, lines(100, 8));
  return { files, facts };
}

function syntheticWord(rank: number): string {
  const syllables = ['ka', 'lo', 'mi', 'ne', 'ru', 'so', 'ta', 've', 'wi', 'zu', 'pra', 'dle'];
  let word = '';
  for (let rest = rank; rest > 0; rest = Math.floor(rest / syllables.length))
    word += syllables[rest % syllables.length];
  return `${word}n`;
}

/** Appears whole or not at all: several benchmarks may write the same at the same time. */
async function writeOnce(path: string, text: string): Promise<string> {
  const part = `${path}.${process.pid}.part`;
  await writeFile(part, text);
  await rename(part, path);
  return path;
}
