import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { missingLinux } from './declare-unless.ts';
import type { Missing } from './declare-unless.ts';

/** What becomes of writes that no sync followed, when a process dies. */
export type FaultMode =
  /** They stay: the process was killed. */
  | 'kill'
  /** They are gone: the machine lost its power. */
  | 'drop'
  /** Any sectors of them stay. */
  | 'torn';

/** How the disk of a process fails. */
export interface DiskFaults {
  /** Absolute path; the files in it are watched. */
  readonly folder: string;
  /** An existing folder on the same disk and outside of `folder`, for what the disk keeps aside. */
  readonly scratch: string;
  /** `CLASS.OPERATION:N:ACTION`, several with `;`, as `native/fault-disk.c` says. Default: nothing happens. */
  readonly plan?: string | undefined;
  /** Default `kill`. */
  readonly mode?: FaultMode | undefined;
  /** Which sectors stay. Default 1. */
  readonly seed?: number | undefined;
}

/** What tests lack that put such a disk between a process and its files. */
export const missingFaultDisk: Missing = missingLinux ?? whyNoCompiler();

/** Name of the file whose removal ends the process at once. */
export const faultNow = 'fault-now';

/** Name of the file in `scratch` that gets a line for each operation. */
export const faultTrace = 'trace';

/** Compiles the library that stands between a process and its disk. */
export async function buildFaultDisk(folder: string): Promise<string> {
  const library = join(folder, 'fault-disk.so');
  const source = fileURLToPath(new URL('../native/fault-disk.c', import.meta.url));
  await promisify(execFile)('cc', ['-O1', '-shared', '-fPIC', '-o', library, source, '-ldl', '-lpthread']);
  return library;
}

/** The environment of a process whose disk fails so. */
export function faultEnvironment(
  library: string,
  { folder, scratch, plan = '', mode = 'kill', seed = 1 }: DiskFaults,
): Readonly<Record<string, string>> {
  const kept = join(scratch, 'kept');
  mkdirSync(kept, { recursive: true });
  return {
    LD_PRELOAD: library,
    FAULT_FOLDER: folder,
    FAULT_PLAN: plan,
    FAULT_MODE: mode,
    FAULT_SEED: String(seed),
    FAULT_TRACE: join(scratch, faultTrace),
    FAULT_KEPT: kept,
  };
}

function whyNoCompiler(): Missing {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'needs a C compiler, cc, for a disk that fails';
  }
}
