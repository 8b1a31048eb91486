import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseResults } from '@gemma-cli/bench-kit';
import { expect, test } from 'vitest';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

function gemmaBench(...args: string[]) {
  return spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8', maxBuffer: 2 ** 26 });
}

test('the executable measures the start of the built command', () => {
  const { status, stdout, stderr } = gemmaBench('run', 'startup', '--rounds', '1', '--json');
  expect(stderr).toContain('startup-command');
  expect(status).toBe(0);
  expect(parseResults(stdout).benchmarks.map(({ name }) => name)).toEqual([
    'startup-command',
    'startup-thin',
    'startup-parts',
  ]);
});

test('the executable measures the pieces, each of which really completes its calls', () => {
  const { status, stdout } = gemmaBench('run', 'micro', '--rounds', '1', '--json');
  expect(status).toBe(0);
  for (const { name, variants } of parseResults(stdout).benchmarks) {
    for (const variant of variants) {
      expect(variant.metrics['callUs']?.samples[0], `${name} ${variant.name}`).toBeGreaterThan(0);
      expect(variant.metrics['calls']?.samples[0], `${name} ${variant.name}`).toBeGreaterThanOrEqual(10);
    }
  }
});

test('the executable ends with the exit code of a usage error', () => {
  const { status, stderr } = gemmaBench('run', 'nothing');
  expect(status).toBe(2);
  expect(stderr).toContain('[USAGE]');
});

test(
  'Ctrl-C ends the run at once with 130 and without figures (Windows has no SIGINT to send)',
  { skip: process.platform === 'win32' },
  async () => {
    const child = spawn(process.execPath, [bin, 'run', 'startup'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    await new Promise<void>((resolve) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        if (text.includes('warm-up:')) resolve();
      });
    });
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([130, null]);
    expect(stdout).toBe('');
  },
);
