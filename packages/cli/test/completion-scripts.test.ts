import { expect, test } from 'vitest';
import { completionCommand } from '../src/commands/completion-command.ts';
import { commandWorld } from './command-world.ts';

const services = { connect: () => Promise.reject(new Error('not in this test')), worker: undefined };

test('the PowerShell script has no key twice in a table: it would refuse the whole script, and takes letters of both cases for one', async () => {
  const { run } = await commandWorld();
  const { stdout } = await run(completionCommand(services), ['powershell']);
  const tables = Array.from(stdout.matchAll(/\$\w+ = @\{\n([^]*?)\n {4}\}/g), ([, body = '']) => body.split('\n'));
  expect(tables).toHaveLength(4);
  for (const lines of tables) {
    const keys = lines.map((line) => /^ +'((?:[^']|'')*)' = @?[('].*[)']$/.exec(line)?.[1]?.toLowerCase());
    expect(keys).not.toContain(undefined);
    expect(new Set(keys).size).toBe(keys.length);
  }
});
