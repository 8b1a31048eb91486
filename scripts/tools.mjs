import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the workspace, absolute. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** The one pnpm that everything here uses. `packageManager` of package.json repeats it; a test compares the two. */
export const pnpmVersion = '12.21.0';

/** The Node that `npm run test:node24` brings along. */
export const node24Version = '24.21.0';

const windows = process.platform === 'win32';

/** Names of the packages, sorted. A folder without a manifest is a leftover of another branch. */
export function packageNames() {
  return readdirSync(join(root, 'packages'))
    .filter((name) => existsSync(join(root, 'packages', name, 'package.json')))
    .toSorted();
}

/**
 * The command line of a tool that is installed in the workspace: this Node and the tool's own script, so that neither a
 * shell nor a PATH is needed.
 *
 * @param {string} packageName for example `vitest`
 * @param {string} [binName] which of the package's programs. Default: the only or first one.
 * @returns {[string, string]}
 */
export function tool(packageName, binName) {
  const folder = join(root, 'node_modules', packageName);
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const script = typeof bin === 'string' ? bin : (bin[binName ?? ''] ?? Object.values(bin)[0]);
  return [process.execPath, join(folder, script)];
}

/** The command line of npm itself. */
export function npm(...args) {
  const cli = npmCli();
  return cli === undefined ? ['npm', ...args] : [process.execPath, cli, ...args];
}

/**
 * The command line that runs one program of packages from the registry, by npm alone: what `npx` does.
 *
 * @param {readonly string[]} packages with versions
 * @param {readonly string[]} command
 * @returns {string[]}
 */
export function npx(packages, command) {
  return npm('exec', '--yes', ...packages.map((name) => `--package=${name}`), '--', ...command);
}

/** The script of npm: named by npm itself when it started us, else beside this Node. */
function npmCli() {
  const named = process.env.npm_execpath;
  if (named !== undefined && named.endsWith('npm-cli.js')) return named;
  const beside = windows
    ? join(dirname(process.execPath), 'node_modules', 'npm', 'bin', 'npm-cli.js')
    : join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js');
  return existsSync(beside) ? beside : undefined;
}

/** This environment with the pinned pnpm on its PATH, which turbo looks for. Costs one call of npm. */
export function environmentWithPnpm() {
  const path = outputOf(npx([`pnpm@${pnpmVersion}`], ['node', '-p', 'process.env.PATH']));
  return { ...process.env, PATH: path, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };
}

/** The path of a Node of the pinned 24 line, fetched as the npm package `node`. */
export function node24() {
  return outputOf(npx([`node@${node24Version}`], ['node', '-p', 'process.execPath']));
}

function outputOf([command, ...args]) {
  const options = {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    shell: command === 'npm' && windows,
  };
  return execFileSync(command, args, options).trim();
}

/**
 * Runs a program to its end.
 *
 * @param {readonly string[]} commandLine
 * @param {object} [options]
 * @param {NodeJS.ProcessEnv} [options.env] Default: this environment.
 * @param {string} [options.cwd] Default: the workspace.
 * @param {'inherit' | 'stderr' | 'capture' | 'tee'} [options.output] where its output goes: on to ours, all of it to our
 *   stderr, into the result, or on to ours and its stderr into the result, too. Default `inherit`.
 * @param {boolean} [options.stdin] whether it gets our stdin. Default false.
 * @param {number} [options.minutesMax] after which it is killed. Default: never.
 * @returns {Promise<{ code: number, output: string, seconds: number }>}
 */
export async function run(
  commandLine,
  { env = process.env, cwd = root, output = 'inherit', stdin = false, minutesMax } = {},
) {
  const [command, ...args] = commandLine;
  const started = performance.now();
  const out = { inherit: 'inherit', stderr: 2, capture: 'pipe', tee: 'inherit' }[output];
  const child = spawn(command, args, {
    cwd,
    env,
    stdio: [stdin ? 'inherit' : 'ignore', out, output === 'capture' || output === 'tee' ? 'pipe' : 'inherit'],
    // pnpm and npm are .cmd files on Windows, which only a shell starts.
    shell: windows && ['pnpm', 'npm'].includes(command),
    ...(minutesMax === undefined ? {} : { timeout: minutesMax * 60_000, killSignal: 'SIGKILL' }),
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      if (output === 'tee') process.stderr.write(chunk);
    });
  }
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      text += `${error.message}\n`;
      if (output !== 'capture') process.stderr.write(`${error.message}\n`);
      resolve(1);
    });
    child.on('close', (exitCode, signal) => resolve(exitCode ?? (signal === 'SIGINT' ? 130 : 1)));
  });
  return { code, output: text, seconds: (performance.now() - started) / 1000 };
}

/** `12.3 s` or `2 min 5 s`. */
export function duration(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
