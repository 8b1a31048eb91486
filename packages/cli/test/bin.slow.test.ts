import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  processRuns,
  readJournal,
  scriptedWorker,
  itUnless,
  missingLinux,
  until,
  withTemporaryFolder,
  type WorkerScript,
} from '@gemma-cli/testkit';
import { runNode, type Ended, type RunOptions } from './run-node.ts';
import { tinyModel } from './tiny-model.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
const scriptedBin = fileURLToPath(new URL('./fixtures/scripted-bin.mjs', import.meta.url));

/** Runs `body` with the command as a process of its own over a scripted worker. */
function tryBin(
  script: WorkerScript,
  body: (trial: {
    run(argv: readonly string[], options?: RunOptions): Promise<Ended>;
    journal: string;
    env: Record<string, string>;
  }) => Promise<void>,
): Promise<void> {
  return withTemporaryFolder(async (folder) => {
    const model = join(folder, 'tiny.gguf');
    const journal = join(folder, 'journal.jsonl');
    await writeFile(model, tinyModel());
    const env = {
      GEMMA_HOME: join(folder, 'home'),
      GEMMA_GEMMA_DEFAULT_MODEL: model,
      GEMMA_TEST_WORKER: JSON.stringify(scriptedWorker({ journal, ...script })),
    };
    await body({
      journal,
      env,
      run: (argv, options = {}) => runNode(scriptedBin, argv, { ...options, env: { ...env, ...options.env } }),
    });
  });
}

describe('the executable', () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };

  test('--version prints the version of the package', async () => {
    expect(await runNode(bin, ['--version'])).toEqual({ code: 0, signal: null, stdout: `${version}\n`, stderr: '' });
    expect((await runNode(bin, ['list', '--version'])).stdout).toBe(`${version}\n`);
  });

  test('--help goes to stdout and exits 0; a usage error goes to stderr and exits 2', async () => {
    const help = await runNode(bin, ['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('gemma "prompt"');
    expect(await runNode(bin, ['--nope'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('--nope'),
    });
  });

  test('an empty home without a model is exit code 3 and names the command that fetches one', () =>
    withTemporaryFolder(async (folder) => {
      const { code, stdout, stderr } = await runNode(bin, ['Hi'], { env: { GEMMA_HOME: join(folder, 'home') } });
      expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
      expect(stderr).toContain('gemma pull gemma3:270m');
    }));

  test('a whole prompt through pipes', () =>
    tryBin({ answer: { text: 'Hello.' } }, async ({ run }) => {
      expect(await run(['Hi'], { input: 'piped' })).toEqual({ code: 0, signal: null, stdout: 'Hello.\n', stderr: '' });
    }));

  test('Ctrl-C gives the part of the text and exit code 130, and leaves no process behind', () =>
    tryBin({ answer: { repeat: 'x', times: 1_000_000 }, pieceMs: 1 }, async ({ run, journal }) => {
      let sent = false;
      const { code, stdout } = await run(['Hi'], {
        onStdout: (text, child) => {
          if (text.length > 5 && !sent) sent = child.kill('SIGINT');
        },
      });
      expect(code).toBe(130);
      expect(stdout).toMatch(/^x{6,}\n$/);
      for (const entry of readJournal(journal)) {
        if (entry.event === 'spawn') await until('the model process has gone', () => !processRuns(entry.pid));
      }
    }));

  test('Ctrl-C while standard input is awaited exits 130 without a word', () =>
    tryBin({}, async ({ env }) => {
      const child = spawn(process.execPath, [scriptedBin, 'ask'], { env: { PATH: process.env['PATH'], ...env } });
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      // It says that it waits, so it does.
      await until('it waits for standard input', () => stderr.includes('waiting for standard input'));
      child.kill('SIGINT');
      const code = await new Promise((resolve) => child.once('close', resolve));
      expect(code).toBe(130);
      expect(stderr).not.toContain('Expected a prompt');
    }));

  itUnless(missingLinux, 'Ctrl-C is heard while -f waits for the writer of a pipe', () =>
    tryBin({}, ({ env }) =>
      withTemporaryFolder(async (folder) => {
        const fifo = join(folder, 'fifo');
        expect(spawnSync('mkfifo', [fifo]).status).toBe(0);
        const child = spawn(process.execPath, [scriptedBin, '-f', fifo, 'Hi'], {
          env: { PATH: process.env['PATH'], ...env },
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        const descriptors = `/proc/${child.pid}/fd`;
        await until('it has opened the pipe', () =>
          readdirSync(descriptors).some((name) => {
            try {
              return readlinkSync(join(descriptors, name)) === fifo;
            } catch {
              // Closed in between.
              return false;
            }
          }),
        );
        child.kill('SIGINT');
        expect(await new Promise((resolve) => child.once('close', resolve))).toBe(130);
      }),
    ),
  );

  test('what stands after -- is a prompt, even when it looks like an option', () =>
    tryBin({ answer: { text: 'Fine.' } }, async ({ run, env }) => {
      const { stdout, code } = await run(['run', env['GEMMA_GEMMA_DEFAULT_MODEL'] ?? '', '--', '--version']);
      expect({ stdout, code }).toEqual({ stdout: 'Fine.\n', code: 0 });
    }));

  test('a closed pipe (`gemma … | head`) ends it without a word, and leaves no process behind', () =>
    tryBin({ answer: { repeat: 'x', times: 1_000_000 } }, async ({ run, journal }) => {
      const { code, stderr } = await run(['Hi'], {
        onStdout: (text, child) => {
          if (text.length > 5) child.stdout?.destroy();
        },
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      for (const entry of readJournal(journal)) {
        if (entry.event === 'spawn') await until('the model process has gone', () => !processRuns(entry.pid));
      }
    }));

  itUnless(missingLinux, 'a full disk behind the output is told on stderr, with exit code 1', () =>
    tryBin({ answer: { text: 'Hello.' } }, async ({ env }) => {
      for (const argv of [
        ['config', 'list', '--json'],
        ['role', 'list'],
        ['Hi'],
        ['--version'],
        ['list', '--version'],
        ['--help'],
        ['--nope', '--json'],
      ]) {
        const { status, stderr } = spawnSync(
          '/bin/sh',
          ['-c', 'exec "$0" "$@" > /dev/full', process.execPath, scriptedBin, ...argv],
          { env: { PATH: process.env['PATH'], ...env }, input: '', encoding: 'utf8' },
        );
        expect({ argv, status, stderr }).toEqual({
          argv,
          status: 1,
          stderr: expect.stringMatching(/^gemma: The output could not be written: ENOSPC.*\n$/) as string,
        });
      }
    }),
  );

  test('kill -9 of the model process in mid-answer: typed error, part of the text, exit code 4', () =>
    tryBin({ answer: { repeat: 'y', times: 1_000_000 }, pieceMs: 1 }, async ({ run, journal }) => {
      let killed = false;
      const { code, stdout, stderr } = await run(['Hi'], {
        onStdout: (text) => {
          const spawned = readJournal(journal).find(({ event }) => event === 'spawn');
          if (text.length > 5 && !killed && spawned !== undefined) killed = process.kill(spawned.pid, 'SIGKILL');
        },
      });
      expect(code).toBe(4);
      expect(stdout).toMatch(/^y{6,}\n$/);
      expect(stderr).toContain('[ENGINE_EXITED]');
    }));
});
