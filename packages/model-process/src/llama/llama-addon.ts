import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { GemmaError } from '@gemma-cli/contracts';
import type { LlamaAddon } from './addon-types.ts';

/** The one version of node-llama-cpp whose addon this package knows. */
export const llamaRuntimeVersion = '3.22.1';

/** A loaded addon. */
export interface LoadedAddon {
  readonly addon: LlamaAddon;
  /** Of llama.cpp and of node-llama-cpp. */
  readonly version: string;
  /** Package that the binary came from: `linux-x64`. */
  readonly build: string;
  /** What computes besides the CPU, or `false`. */
  readonly gpu: 'cuda' | 'vulkan' | 'metal' | false;
  /** The last error that llama.cpp logged, once what is under way has been logged. */
  lastError(): Promise<string | undefined>;
}

/** Where the addon comes from and where its warnings go. */
export interface LoadAddonOptions {
  /** A folder with a `node_modules` in it; `null` = where this package is installed. */
  readonly runtimeFolder: string | null;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
  readonly platform?: NodeJS.Platform;
  readonly arch?: string;
}

/**
 * Loads the native addon of node-llama-cpp for this machine, without its JavaScript: importing that, its test of the
 * binary in a forked process and its own reading of the model file cost several times what the model needs.
 *
 * A GPU build comes first where one is installed; when it does not load, the CPU build is taken.
 *
 * @throws GemmaError `RUNTIME_NOT_INSTALLED`, `RUNTIME_UNSUPPORTED` for another version than the pinned one.
 */
export async function loadLlamaAddon({
  runtimeFolder,
  log,
  platform = process.platform,
  arch = process.arch,
}: LoadAddonOptions): Promise<LoadedAddon> {
  const { folder, requireFrom } = findPackage(runtimeFolder);
  const failures: string[] = [];
  for (const build of addonBuilds(platform, arch)) {
    const binsFolder = findBuild(requireFrom, build);
    if (binsFolder === undefined) continue;
    try {
      const addon = requireFrom(join(binsFolder, 'llama-addon.node')) as LlamaAddon;
      const lastError = routeLog(addon, log);
      const gpu = startBackends(addon, binsFolder, build);
      await addon.init();
      return { addon, version: `${releaseOf(folder)} (node-llama-cpp ${llamaRuntimeVersion})`, build, gpu, lastError };
    } catch (error) {
      const reason = `${build}: ${(error as Error).message.split('\n')[0]}`;
      failures.push(reason);
      log('warn', `The llama.cpp build ${reason}. Trying the next one.`);
    }
  }
  throw notInstalled(
    failures.length === 0
      ? `has no binary for ${platform}-${arch}`
      : `none of its binaries loads (${failures.join('; ')})`,
    runtimeFolder,
    undefined,
  );
}

/** Names of the builds that can run on a machine, the fastest first. */
export function addonBuilds(platform: NodeJS.Platform, arch: string): readonly string[] {
  const builds: Readonly<Record<string, readonly string[]>> = {
    'darwin-arm64': ['mac-arm64-metal'],
    'darwin-x64': ['mac-x64'],
    'linux-x64': ['linux-x64-cuda', 'linux-x64-vulkan', 'linux-x64'],
    'linux-arm64': ['linux-arm64'],
    'linux-arm': ['linux-armv7l'],
    'linux-riscv64': ['linux-riscv64'],
    'win32-x64': ['win-x64-cuda', 'win-x64-vulkan', 'win-x64'],
    'win32-arm64': ['win-arm64'],
  };
  return builds[`${platform}-${arch}`] ?? [];
}

function findPackage(runtimeFolder: string | null): { readonly folder: string; readonly requireFrom: NodeJS.Require } {
  const base = runtimeFolder === null ? import.meta.url : pathToFileURL(join(runtimeFolder, 'package.json')).href;
  let entry: string;
  try {
    entry = createRequire(base).resolve('node-llama-cpp');
  } catch (cause) {
    throw notInstalled('node-llama-cpp was not found', runtimeFolder, cause);
  }
  const found = packageAbove(entry, 'node-llama-cpp');
  if (found?.version !== llamaRuntimeVersion) {
    throw new GemmaError({
      code: 'RUNTIME_UNSUPPORTED',
      message: `Expected node-llama-cpp ${llamaRuntimeVersion}, got ${found?.version ?? 'an unknown version'}${runtimeFolder === null ? '' : ` in ${runtimeFolder}`}. Run \`gemma runtime install llama\`.`,
      facts: { runtime: 'llama.cpp', expected: llamaRuntimeVersion, found: found?.version ?? null, runtimeFolder },
    });
  }
  return { folder: found.folder, requireFrom: createRequire(entry) };
}

/** The folder of a build's binaries, when that build is installed in the pinned version. */
function findBuild(requireFrom: NodeJS.Require, build: string): string | undefined {
  let entry: string;
  try {
    entry = requireFrom.resolve(`@node-llama-cpp/${build}`);
  } catch {
    return undefined;
  }
  const found = packageAbove(entry, `@node-llama-cpp/${build}`);
  if (found?.version !== llamaRuntimeVersion) return undefined;
  const bins = join(found.folder, 'bins');
  return readdirSync(bins)
    .map((name) => join(bins, name))
    .find((folder) => readdirSync(folder).includes('llama-addon.node'));
}

/** Folder and version of the package that a file belongs to. */
function packageAbove(file: string, name: string): { readonly folder: string; readonly version: string } | undefined {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
      if (manifest['name'] === name) return { folder, version: String(manifest['version']) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return undefined;
}

/** The release of llama.cpp that the package was built from. */
function releaseOf(folder: string): string {
  const { tag } = JSON.parse(readFileSync(join(folder, 'llama', 'llama.cpp.info.json'), 'utf8')) as { tag: string };
  return tag;
}

/** Loads the compute libraries that lie beside the addon; llama.cpp picks the CPU variant for this processor itself. */
function startBackends(addon: LlamaAddon, folder: string, build: string): LoadedAddon['gpu'] {
  const wantsGpu = /-(?:cuda|vulkan|metal)$/.test(build);
  const isMissing = (): boolean => {
    const gpu = addon.getGpuType();
    return gpu === undefined || (wantsGpu && gpu === false);
  };
  // Metal would keep the weights wired for minutes after they were last used.
  const isMetal = build.endsWith('-metal');
  if (isMetal) addon.setEnv('GGML_METAL_NO_RESIDENCY', '1');
  addon.loadBackends();
  if (isMissing()) addon.loadBackends(folder);
  if (isMissing()) addon.loadBackends(join(folder, 'fallback'));
  const gpu = addon.getGpuType();
  if (gpu === undefined) throw new Error('no compute library for this processor was found beside it');
  return gpu;
}

const linesMax = 200;

/** Sends warnings and errors of llama.cpp to `log`, whole lines, each once in a row and not without end. */
function routeLog(addon: LlamaAddon, log: LoadAddonOptions['log']): () => Promise<string | undefined> {
  let rest = '';
  let previous = '';
  let lines = 0;
  let lastError: string | undefined;
  addon.setLogger((level, message) => {
    rest += message;
    const end = rest.lastIndexOf('\n');
    if (end === -1) return;
    const whole = rest.slice(0, end);
    rest = rest.slice(end + 1);
    for (const line of whole.split('\n').map((text) => text.trim())) {
      if (line === '') continue;
      if (level <= 2) lastError = line;
      if (line === previous || lines >= linesMax) continue;
      previous = line;
      lines += 1;
      log(level <= 2 ? 'error' : 'warn', line);
    }
  });
  addon.setLoggerLogLevel(3);
  return async () => {
    // llama.cpp logs from its own threads; the lines come as events.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    const error = lastError;
    // It is told once: the next failure has a reason of its own, or none.
    lastError = undefined;
    return error;
  };
}

/** The error for a runtime that is missing or has no binary for this machine. */
function notInstalled(what: string, runtimeFolder: string | null, cause: unknown): GemmaError {
  return new GemmaError({
    code: 'RUNTIME_NOT_INSTALLED',
    message: `The llama.cpp runtime is needed and ${what}${runtimeFolder === null ? '' : ` in ${runtimeFolder}`}. Run \`gemma runtime install llama\`.`,
    facts: { runtime: 'llama.cpp', runtimeFolder },
    cause,
  });
}
