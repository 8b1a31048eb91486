import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { gitIn, loadWarning, readMachineFacts, readMachineLoad } from '../src/index.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});
function folder(): string {
  const made = mkdtempSync(join(os.tmpdir(), 'gemma-bench-kit-'));
  folders.push(made);
  return made;
}

describe('readMachineFacts', () => {
  test('tells processor, cores, memory, system and Node', async () => {
    const facts = await readMachineFacts();
    expect(facts).toMatchObject({ cores: os.cpus().length, node: process.version, commit: null, dirty: null });
    expect(facts.coresAvailable).toBeGreaterThanOrEqual(1);
    expect(facts.memoryMiB).toBeGreaterThan(100);
  });

  test('names no host, user or folder', async () => {
    const text = JSON.stringify(await readMachineFacts({ runGit: gitIn(process.cwd()) }));
    expect(text).not.toContain(os.hostname().length > 3 ? os.hostname() : '\u0000');
    expect(text).not.toContain(os.homedir().length > 1 ? os.homedir() : '\u0000');
    expect(text).not.toContain(process.cwd());
  });

  test('tells the commit, and whether tracked files differ from it', async () => {
    const checkout = folder();
    const git = (...args: string[]): string =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: checkout, encoding: 'utf8' });
    git('init', '-q');
    writeFileSync(join(checkout, 'file'), '1');
    git('add', 'file');
    git('commit', '-qm', 'one');
    const commit = git('rev-parse', 'HEAD').trim();
    const facts = () => readMachineFacts({ runGit: gitIn(checkout) });
    expect(await facts()).toMatchObject({ commit, dirty: false });
    writeFileSync(join(checkout, 'untracked'), '1');
    expect(await facts()).toMatchObject({ commit, dirty: false });
    writeFileSync(join(checkout, 'file'), '2');
    expect(await facts()).toMatchObject({ commit, dirty: true });
  });

  test('knows no commit outside a checkout', async () => {
    expect(await readMachineFacts({ runGit: gitIn(folder()) })).toMatchObject({ commit: null, dirty: null });
  });
});

describe('readMachineLoad', () => {
  test('tells the share of the cores that worked while it looked', async () => {
    const core = (user: number, idle: number): os.CpuInfo => ({
      model: 'm',
      speed: 0,
      times: { user, nice: 0, sys: 0, irq: 0, idle },
    });
    const readings = [
      [core(100, 100), core(0, 0)],
      [core(150, 100), core(25, 75 - 50)],
    ];
    const system = { ...os, cpus: () => readings.shift() ?? [], loadavg: () => [1.239, 0, 0] };
    expect(await readMachineLoad({ system, wait: async () => {} })).toEqual({ load1: 1.24, busyShare: 0.75 });
  });
});

describe('loadWarning', () => {
  test('warns when half of the cores or a quarter of their time is taken', () => {
    expect(loadWarning({ load1: 1, busyShare: 0.25 }, 2)).toBeNull();
    expect(loadWarning({ load1: 1.01, busyShare: 0 }, 2)).toMatch(/busy at the start/);
    expect(loadWarning({ load1: 0, busyShare: 0.26 }, 2)).toMatch(/26 % of the cores/);
  });
});
