import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findLlamaCpp } from '../src/find-llama-cpp.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gemma-bench-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function program(...parts: readonly string[]): string {
  const path = join(folder, ...parts);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, '');
  chmodSync(path, 0o755);
  return path;
}

const posixOnly = { skip: process.platform === 'win32' };

test(
  'the programs of the named folder or its bin win over those in PATH (Windows has no executable mode)',
  posixOnly,
  () => {
    const server = program('named', 'bin', 'llama-server');
    const bench = program('named', 'llama-bench');
    program('path', 'llama-server');
    const env = { GEMMA_BENCH_LLAMA_CPP: join(folder, 'named'), PATH: join(folder, 'path') };
    expect(findLlamaCpp(env)).toEqual({ server, bench });
  },
);

test('without a named folder the first executable in PATH is taken (Windows has no executable mode)', posixOnly, () => {
  writeFileSync(join(folder, 'llama-server'), 'not to be run');
  const server = program('second', 'llama-server');
  expect(findLlamaCpp({ PATH: [folder, join(folder, 'second')].join(delimiter) })).toEqual({
    server,
    bench: undefined,
  });
});

test('nothing is found where nothing is', () => {
  expect(findLlamaCpp({})).toEqual({ server: undefined, bench: undefined });
});
