import { spawn, spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { itUnless, type Missing } from '@gemma-cli/testkit';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { missingPty } from './on-terminal.ts';
import { runNode } from './run-node.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
const terminal = fileURLToPath(new URL('./fixtures/terminal.py', import.meta.url));

/** Why a shell cannot be tried here. */
function missing(shell: string): Missing {
  const { error, status } = spawnSync(shell, ['--version']);
  return error === undefined && status === 0 ? undefined : `${shell} is not installed`;
}

/** A home with two models and a role, `gemma` on the path, and the scripts of all shells. */
const world = { folder: '', env: {} as Record<string, string> };

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gemma-completion-'));
  const home = join(folder, 'home');
  for (const model of ['gemma3@1b', 'gemma3@270m', 'mine'])
    await mkdir(join(home, 'models', model), { recursive: true });
  await mkdir(join(home, 'roles'));
  await writeFile(join(home, 'roles', 'poet.toml'), 'system = "x"');
  await mkdir(join(folder, 'bin'));
  await mkdir(join(folder, 'work'));
  await writeFile(join(folder, 'work', 'notes one.md'), '');
  await writeFile(join(folder, 'bin', 'gemma'), `#!/bin/sh\nexec ${process.execPath} ${bin} "$@"\n`);
  await chmod(join(folder, 'bin', 'gemma'), 0o755);
  world.folder = folder;
  world.env = { PATH: `${join(folder, 'bin')}:${process.env['PATH']}`, HOME: folder, GEMMA_HOME: home, TERM: 'dumb' };
  for (const shell of ['bash', 'zsh', 'fish', 'powershell']) {
    const { stdout, code } = await runNode(bin, ['completion', shell], { env: world.env });
    expect(code).toBe(0);
    await writeFile(join(folder, `gemma.${shell}`), stdout);
  }
});

afterAll(() => rm(world.folder, { recursive: true, force: true }));

/** Runs a program to its end and gives its lines. */
function run(program: string, args: readonly string[], env: Record<string, string> = {}): readonly string[] {
  const { stdout, stderr, error } = spawnSync(program, args, {
    env: { ...world.env, ...env },
    cwd: join(world.folder, 'work'),
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => line !== '');
}

/** What each shell offers for a line, whole words. */
const shells: Readonly<Record<string, (line: string) => readonly string[]>> = {
  bash(line) {
    // As readline cuts a line: at blanks, and around ":" and "=".
    const words: string[] = [...(line.match(/[:=]+|[^\s:=]+/g) ?? [])];
    if (/\s$/.test(line)) words.push('');
    const quoted = words.map((word) => `'${word}'`).join(' ');
    const offered = run(
      'bash',
      [
        '--norc',
        '-c',
        `source "$HOME/gemma.bash"; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; COMP_LINE=$LINE; COMP_POINT=\${#LINE}; _gemma; printf '%s\\n' "\${COMPREPLY[@]}"`,
      ],
      { LINE: line },
    );
    // Bash puts an offer in the place of the last of its words.
    const typed = /[^\s]*$/.exec(line)?.[0] ?? '';
    const kept = typed.slice(0, Math.max(typed.lastIndexOf(':'), typed.lastIndexOf('=')) + 1);
    return offered.map((word) => kept + word);
  },
  zsh(line) {
    const words = line.trim().split(/\s+/);
    if (/\s$/.test(line)) words.push('');
    // The functions of the completion system, reduced to what they are given.
    const stubs = `
      compdef() { : }
      compadd() { local -a given=("$@") list; local -i i; for ((i = 1; i <= $#given; i++)); do case $given[i] in -S) i+=1 ;; -a) i+=1; list+=("\${(@P)given[i]}") ;; esac; done; print -rl -- $list }
      _describe() { local item; for item in "\${(@P)2}"; do print -r -- "\${\${item//\\\\:/@colon@}%%:*}"; done }
      _files() { print -rl -- *(N) }
      compset() { PREFIX_CUT=1 }`;
    const typed = words.at(-1) ?? '';
    const offered = run('zsh', [
      '-f',
      '-c',
      `${stubs}\nsource "$HOME/gemma.zsh"; words=(${words.map((word) => `'${word}'`).join(' ')}); CURRENT=${words.length}; _gemma`,
    ]);
    // The completion system keeps what fits the word.
    const [option = '', rest] = /^--[^=]+=/.test(typed)
      ? [`${typed.split('=')[0]}=`, typed.slice(typed.indexOf('=') + 1)]
      : ['', typed];
    return offered.filter((word) => word.startsWith(rest)).map((word) => option + word);
  },
  fish(line) {
    const lines = run('fish', ['--no-config', '-c', `source "$HOME/gemma.fish"; complete -C"$LINE"`], { LINE: line });
    return lines.map((each) => each.split('\t')[0] ?? '').map((word) => word.replaceAll('\\ ', ' '));
  },
  powershell(line) {
    const offered = run(
      'pwsh',
      [
        '-NoProfile',
        '-NonInteractive',
        '-Command',
        'Get-Content -Raw "$env:HOME/gemma.powershell" | Invoke-Expression; (TabExpansion2 -inputScript $env:LINE -cursorColumn $env:LINE.Length).CompletionMatches | ForEach-Object { $_.CompletionText }',
      ],
      { LINE: line, POWERSHELL_TELEMETRY_OPTOUT: '1' },
    );
    // A file is offered as it must be typed.
    return offered.map((word) => word.replace(/^'\.\/(.*)'$/, '$1'));
  },
};

/** The program of a shell, where it has another name. */
const programs: Readonly<Record<string, string>> = { powershell: 'pwsh' };

describe.each(Object.entries(shells))('completion in %s', (shell, offers) => {
  const why = missing(programs[shell] ?? shell);
  itUnless(why, 'works', () => {
    // Commands, of the program and below.
    expect(offers('gemma ')).toEqual(expect.arrayContaining(['ask', 'chat', 'role', 'setup', 'completion']));
    expect(offers('gemma ')).not.toContain('__complete');
    expect(offers('gemma ro')).toEqual(['role']);
    expect([...offers('gemma role ')].toSorted()).toEqual(['add', 'edit', 'list', 'rm', 'show']);
    // Installed models: the ":" in their names, before and behind it.
    expect([...offers('gemma rm ')].toSorted()).toEqual(['gemma3:1b', 'gemma3:270m', 'mine']);
    expect([...offers('gemma rm gemma3:')].toSorted()).toEqual(['gemma3:1b', 'gemma3:270m']);
    expect(offers('gemma rm gemma3:2')).toEqual(['gemma3:270m']);
    expect(offers('gemma rm gemma3:270m mi')).toEqual(['mine']);
    expect(offers('gemma ask -m gemma3:1')).toEqual(['gemma3:1b']);
    expect(offers('gemma --model mi')).toEqual(['mine']);
    expect(offers('gemma ask --model=gemma3:1')).toEqual(['--model=gemma3:1b']);
    // Models that can be fetched, roles, keys, values.
    expect(offers('gemma pull gemma3:4')).toEqual(['gemma3:4b']);
    expect(offers('gemma -r po')).toEqual(['poet']);
    expect(offers('gemma -r comm')).toEqual(['commit']);
    expect(offers('gemma ask -o top')).toEqual(expect.arrayContaining(['topK=', 'topP=']));
    expect(offers('gemma config get ui.')).toEqual(expect.arrayContaining(['ui.color']));
    expect([...offers('gemma chat --engine ')].toSorted()).toEqual(['legacy', 'optimized']);
    expect(offers('gemma completion po')).toEqual(['powershell']);
    expect(offers('gemma runtime install ')).toEqual(expect.arrayContaining(['llama']));
    // Options: those of the command, and those of every command.
    expect(offers('gemma role add --sy')).toEqual(['--system']);
    expect(offers('gemma ask --sch')).toEqual(['--schema', '--schema-multi']);
    expect(offers('gemma list --js')).toEqual(['--json']);
    expect(offers('gemma list --sch')).toEqual([]);
    // Files.
    expect(offers('gemma -f no')).toEqual(['notes one.md']);
    // An alias of a command leads to its options; the value of an option is no command.
    expect(offers('gemma ls --cat')).toEqual(['--catalog']);
    expect(offers('gemma -s chat li')).toEqual(['list']);
  });
});

describe('on a real terminal', () => {
  for (const [shell, args, load] of [
    ['bash', ['--norc', '--noprofile', '-i'], 'source "$HOME/gemma.bash"'],
    ['zsh', ['-f', '-i'], 'autoload -U compinit; compinit -u -D; source "$HOME/gemma.zsh"'],
  ] as const)
    itUnless(missing(shell) ?? missingPty, `Tab completes a name with a colon in ${shell}`, async () => {
      const child = spawn('python3', [terminal, '30', shell, ...args], { env: { ...world.env, TERM: 'xterm' } });
      let stdout = '';
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        stdout += chunk;
      });
      const steps = [
        { send: `${load}; echo sour""ced\r` },
        { expect: 'sourced' },
        { send: 'gemma rm gemma3:2\t' },
        { expect: '70m' },
        // Nothing is removed: the line is taken back.
        { send: '\u0015exit\r' },
      ];
      child.stdin.end(steps.map((step) => `${JSON.stringify(step)}\n`).join(''));
      await new Promise((resolve) => child.once('close', resolve));
      const { failure, output } = JSON.parse(stdout) as { failure: string | null; output: string };
      expect(failure, output).toBeNull();
    });
});
