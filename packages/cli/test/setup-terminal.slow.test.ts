import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeUnless } from '@gemma-cli/testkit';
import { missingPty, requirePython, runOnTerminal } from './on-terminal.ts';

describeUnless(missingPty, 'the first run on a terminal', () => {
  beforeAll(requirePython);
  const script = { answer: { text: 'Hello.' } };
  // Nothing was chosen and nothing is installed.
  const env = { GEMMA_GEMMA_DEFAULT_MODEL: 'auto' };

  test('gemma alone asks two questions, keeps what was said, and shows the help when there is no model after them', async () => {
    let config = '';
    const { code, failure, output } = await runOnTerminal({
      argv: [],
      script,
      env,
      steps: [
        { expect: 'Which model?' },
        { expect: '(recommended)' },
        { expect: 'Number or name' },
        { send: 'n\r' },
        { expect: 'Keep what you type' },
        { send: 'n\r' },
        { expect: 'Run Gemma models on this machine.' },
      ],
      after: async (home) => {
        config = await readFile(join(home, 'config.toml'), 'utf8');
      },
    });
    expect({ code, failure }, output).toEqual({ code: 0, failure: null });
    expect(config).toMatch(/history = false/);
  });

  test('Ctrl-C at a question leaves everything as it was: a prompt then ends as it did without the offer', async () => {
    const { code, failure, output } = await runOnTerminal({
      argv: ['Hi'],
      script,
      env,
      steps: [{ expect: 'Number or name' }, { send: '\u0003' }, { expect: 'MODEL_NOT_FOUND' }],
    });
    expect({ code, failure }, output).toEqual({ code: 3, failure: null });
  });

  test('a model that a role names and is missing is told: another one would be no help', async () => {
    const { code, failure, output } = await runOnTerminal({
      argv: ['-r', 'mine', 'Hi'],
      script,
      env,
      before: async (home) => {
        await mkdir(join(home, 'roles'), { recursive: true, mode: 0o700 });
        await writeFile(join(home, 'roles', 'mine.toml'), 'model = "gemma3:4b"\n');
      },
      steps: [{ expect: 'gemma pull gemma3:4b' }],
    });
    expect({ code, failure }, output).toEqual({ code: 3, failure: null });
    expect(output).not.toContain('Which model?');
  });

  test('with a model that was chosen nothing is asked', async () => {
    const { code, output } = await runOnTerminal({ argv: [], script, steps: [{ expect: 'Exit codes' }] });
    expect(code).toBe(0);
    expect(output).not.toContain('Which model?');
  });
});
