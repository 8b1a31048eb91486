import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { EngineEvent, EngineOptions, GenerateRequest } from '@gemma-cli/contracts';
import {
  describeUnless,
  missingUnix,
  processRuns,
  standInWeights,
  until,
  withTemporaryFolder,
} from '@gemma-cli/testkit';
import { engineOnHosts } from '../src/engine-on-hosts.ts';
import { resolveEngineOptions } from '../src/engine-settings.ts';
import { gemmaCppHost } from '../src/gemma-cpp/gemma-cpp-host.ts';

const neededFlags = [
  'weights',
  'verbosity',
  'seq_len',
  'max_generated_tokens',
  'temperature',
  'top_k',
  'multiturn',
  'eot_line',
  'prompt_file',
];

/** A shell script in the place of gemma.cpp. */
async function program(path: string, lines: readonly string[]): Promise<string> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, ['#!/bin/sh', ...lines, ''].join('\n'));
  await chmod(path, 0o755);
  return path;
}

/** One that knows only these flags, and ends when it is to answer. */
function withFlags(path: string, flags: readonly string[]): Promise<string> {
  return program(path, ['[ "$1" = --help ] || exit 3', ...flags.map((flag) => `echo '  --${flag} : A flag.' >&2`)]);
}

function engineOf(options: EngineOptions, mode: 'one-shot' | 'repl' = 'repl') {
  const settings = resolveEngineOptions(options);
  const host = gemmaCppHost({ mode, settings });
  return engineOnHosts({ gguf: host, sbs: host }, settings);
}

async function request(folder: string, rest: Partial<GenerateRequest> = {}): Promise<GenerateRequest> {
  const path = join(folder, 'model.sbs');
  await writeFile(path, standInWeights());
  return { model: { path }, prompt: { type: 'chat', messages: [{ role: 'user', content: 'Hi' }] }, ...rest };
}

async function read(events: AsyncIterable<EngineEvent>): Promise<void> {
  for await (const _ of events);
}

describeUnless(missingUnix, 'gemma.cpp that is closed before there is a process', () => {
  it.each(['one-shot', 'repl'] as const)('ends the probe of its executable (%s)', (mode) =>
    withTemporaryFolder(async (folder) => {
      const pidFile = join(folder, 'pid');
      const gemmaExecutable = await program(join(folder, 'gemma'), [`echo $$ > '${pidFile}'`, 'exec sleep 60']);
      const engine = engineOf({ gemmaExecutable }, mode);
      const answer = read(engine.generate(await request(folder)));
      answer.catch(() => {});
      const pidOf = async (): Promise<number> => Number(await readFile(pidFile, 'utf8').catch(() => ''));
      let pid = 0;
      while (pid === 0) pid = await pidOf();
      await engine.close();
      await expect(answer).rejects.toMatchObject({ code: 'ENGINE_CLOSED' });
      await until('the probe is gone', () => !processRuns(pid));
    }),
  );

  it('waits for no check of the weights', () =>
    withTemporaryFolder(async (folder) => {
      let isChecking = false;
      const engine = engineOf({
        gemmaExecutable: join(folder, 'gemma'),
        checkModel: () => {
          isChecking = true;
          return new Promise(() => {});
        },
      });
      const answer = read(engine.generate(await request(folder)));
      answer.catch(() => {});
      await until('the weights are checked', () => isChecking);
      await engine.close();
      await expect(answer).rejects.toMatchObject({ code: 'ENGINE_CLOSED' });
    }));
});

describeUnless(missingUnix, 'an executable of gemma.cpp', () => {
  it.each([
    ['deterministic', 'reproducible', { reproducible: true }, {}],
    ['num_threads', 'threads', {}, { threads: 2 }],
  ] as const)('without --%s is no executable for %s, and does for the rest', (flag, option, rest, options) =>
    withTemporaryFolder(async (folder) => {
      const flags = [...neededFlags, 'deterministic', 'num_threads'].filter((name) => name !== flag);
      const gemmaExecutable = await withFlags(join(folder, 'gemma'), flags);
      const engine = engineOf({ gemmaExecutable, ...options });
      await expect(read(engine.generate(await request(folder, rest)))).rejects.toMatchObject({
        code: 'OPTION_UNSUPPORTED',
        facts: { option, flag },
      });
      const other = engineOf({ gemmaExecutable });
      await expect(read(other.generate(await request(folder)))).rejects.toMatchObject({ facts: { exitCode: 3 } });
      await Promise.all([engine.close(), other.close()]);
    }),
  );

  it('that is none is told with every folder that was looked in', () =>
    withTemporaryFolder(async (folder) => {
      const places = ['one', 'two', 'three'].map((name) => join(folder, name));
      await program(join(places[1] ?? '', 'gemma'), ['echo usage >&2']);
      const engine = engineOf({ searchPath: places.join(':') });
      await expect(read(engine.generate(await request(folder)))).rejects.toMatchObject({
        code: 'RUNTIME_NOT_INSTALLED',
        facts: { lookedAt: places.map((place) => join(place, 'gemma')) },
      });
      await engine.close();
    }));

  it('tells once which chosen options have no effect', () =>
    withTemporaryFolder(async (folder) => {
      const logged: string[] = [];
      const gemmaExecutable = await withFlags(join(folder, 'gemma'), neededFlags);
      const engine = engineOf({
        gemmaExecutable,
        compactCache: true,
        slots: 4,
        log: (message) => logged.push(message),
      });
      for (const _ of [1, 2]) await read(engine.generate(await request(folder))).catch(() => {});
      expect(logged.filter((line) => line.includes('no effect'))).toEqual([
        expect.stringContaining('compactCache, slots:'),
      ]);
      await engine.close();
    }));
});
