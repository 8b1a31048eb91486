import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { isGemmaError } from '@gemma-cli/contracts';
import { throwIfAborted } from './aborted-error.ts';
import { fileError } from './fs-tools.ts';
import type { SourceFetch } from './pull-source.ts';
import { createRateMeter } from './rate-meter.ts';

/** A file to copy, and what is needed for it. */
export interface CopyFetch {
  /** Absolute path. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly target: string;
  readonly reserve: (bytes: number) => Promise<void>;
  readonly now: () => number;
  readonly signal: AbortSignal | undefined;
}

/** Copies a file and hashes it on the way. A copy that is stopped is removed: making it again is cheap. */
export async function* fetchByCopy(fetch: CopyFetch): SourceFetch {
  await fetch.reserve(fetch.sizeBytes);
  const hash = createHash('sha256');
  const meter = createRateMeter(fetch.now);
  let copiedBytes = 0;
  let isWhole = false;
  try {
    const target = await open(fetch.target, 'w', 0o600);
    try {
      const end = Math.max(0, fetch.sizeBytes - 1);
      for await (const chunk of createReadStream(fetch.path, { highWaterMark: 1024 * 1024, end })) {
        throwIfAborted(fetch.signal, 'Copying the file was stopped.');
        hash.update(chunk as Buffer);
        await target.writeFile(chunk as Buffer);
        copiedBytes += (chunk as Buffer).length;
        const event = meter.reportSometimes(copiedBytes, fetch.sizeBytes);
        if (event !== undefined) yield event;
      }
      await target.sync();
    } finally {
      await target.close();
    }
    isWhole = true;
  } catch (error) {
    throw isGemmaError(error) ? error : fileError(error, `copying ${fetch.path} to`, fetch.target);
  } finally {
    if (!isWhole) await rm(fetch.target, { force: true });
  }
  return {
    path: fetch.target,
    sizeBytes: copiedBytes,
    sha256: hash.digest('hex'),
    hashSource: 'computed',
    source: fetch.path,
    licenceName: null,
    licenceTexts: [],
  };
}
