import { join } from 'node:path';
import { GemmaError } from '@gemma-cli/contracts';
import type { CatalogEntry } from './catalog.ts';
import { modelNameToFolder } from './model-name.ts';

/** The options of a store, every one resolved. */
export interface StoreContext {
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly catalog: readonly CatalogEntry[];
  readonly python: string | undefined;
  readonly connectMsMax: number;
  readonly stallMsMax: number;
  readonly retriesMax: number;
  readonly retryMs: number;
  readonly pipMsMax: number;
  readonly spareBytesMin: number;
  readonly freeBytes: (folder: string) => Promise<number>;
  readonly now: () => number;
}

/** Where everything that is not yet a model lies: parts, locks, wheels. Begins with a dot, so it is no model. */
export function pullsFolder(context: StoreContext): string {
  return join(context.folder, '.pulls');
}

/** Where a model lies. */
export function modelFolder(context: StoreContext, name: string): string {
  return join(context.folder, modelNameToFolder(name));
}

/**
 * Address of the hub, without a slash at the end.
 *
 * @throws GemmaError `CONFIG_INVALID`.
 */
export function hubEndpoint(env: StoreContext['env']): string {
  const endpoint = env['HF_ENDPOINT'];
  if (endpoint === undefined || endpoint === '') return 'https://huggingface.co';
  if (/^https?:\/\//i.test(endpoint) && URL.canParse(endpoint)) return endpoint.replace(/\/+$/, '');
  throw new GemmaError({
    code: 'CONFIG_INVALID',
    message: `Expected HF_ENDPOINT to be an http: or https: address, got ${JSON.stringify(endpoint)}. Correct it, or unset it for https://huggingface.co.`,
    facts: { variable: 'HF_ENDPOINT', value: endpoint },
  });
}

/**
 * Refuses when so many bytes do not fit beside what has to stay free.
 *
 * @throws GemmaError `DISK_FULL`.
 */
export async function reserveSpace(context: StoreContext, bytes: number): Promise<void> {
  const free = await context.freeBytes(context.folder);
  const needed = bytes + context.spareBytesMin;
  if (free >= needed) return;
  throw new GemmaError({
    code: 'DISK_FULL',
    message: `Expected ${megabytes(needed)} free in ${context.folder} (${megabytes(bytes)} to write and ${megabytes(context.spareBytesMin)} to spare), and there are ${megabytes(free)}. Free some, or remove a model with gemma rm.`,
    facts: { folder: context.folder, neededBytes: needed, freeBytes: free },
  });
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
