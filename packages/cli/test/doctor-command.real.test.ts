import { homedir } from 'node:os';
import { realModel } from '@gemma-cli/testkit';
import { expect, it } from 'vitest';
import { doctorCommand } from '../src/commands/doctor-command.ts';
import { importCommand } from '../src/commands/import-command.ts';
import { commandWorld } from './command-world.ts';

it('gemma doctor exits 0 where a real model answers a token, with either engine', async () => {
  const world = await commandWorld();
  const file = realModel('gemma3:270m-base', { env: process.env, home: homedir() });
  await world.run(importCommand, [file, '--link', '--name', 'real']);
  for (const optimized of ['true', 'false']) {
    const env = { ...process.env, GEMMA_PERFORMANCE_USE_OPTIMIZED_GEMMA: optimized, GEMMA_HOME: undefined };
    const { code, stdout } = await world.run(doctorCommand({ worker: undefined }), ['--json'], { env });
    const { checks } = JSON.parse(stdout) as { checks: { name: string; status: string; facts: { usage?: unknown } }[] };
    expect(code, stdout).toBe(0);
    const answer = checks.find((check) => check.name === 'answer');
    expect(answer).toMatchObject({ status: 'ok', facts: { usage: { outputTokens: 1 } } });
    expect(checks.find((check) => check.name === 'runtime')?.status).toBe('ok');
  }
});
