import { setTimeout as sleep } from 'node:timers/promises';
import { GemmaError, isGemmaError } from '@gemma-cli/contracts';
import { abortedError } from './aborted-error.ts';
import { networkReason } from './http-client.ts';
import type { HttpAnswer, HttpClient } from './http-client.ts';
import { refused } from './hugging-face.ts';
import { describeNoModel } from './inspect-model-file.ts';
import { openPart } from './part-file.ts';
import type { PartFile, PartState } from './part-file.ts';
import type { Expectation, FetchedFile, SourceFetch } from './pull-source.ts';
import type { PullEvent } from './pull-event.ts';
import { createRateMeter } from './rate-meter.ts';
import type { RateMeter } from './rate-meter.ts';

/** A file to download, and what is needed for it. */
export interface HttpFetch {
  readonly url: string;
  /** Goes to the origin of the URL only. */
  readonly bearer: string | undefined;
  /** The source as a person would name it, without secrets. */
  readonly source: string;
  /** Names the file on its source for the part's state. */
  readonly sourceKey: string;
  readonly expectation: Expectation;
  readonly licenceName: string | null;
  /** File to write to; its state lies beside it. */
  readonly target: string;
  readonly http: HttpClient;
  readonly retriesMax: number;
  readonly retryMs: number;
  readonly reserve: (bytes: number) => Promise<void>;
  readonly now: () => number;
  readonly signal: AbortSignal | undefined;
}

/** Longest wait before a retry, in milliseconds. */
const retryMsMax = 30_000;
/** A connection that brought so many bytes is a working one: the count of retries begins again. */
const goodBytesMin = 1024 * 1024;
/** An answer of unknown length is checked against the disk each time it grew by so many bytes. */
const reserveBytes = 256 * 1024 * 1024;

/** A connection that broke: worth another one. */
class BrokenError extends Error {
  readonly waitMs: number;
  constructor(reason: string, waitMs = 0, cause?: unknown) {
    super(reason, { cause });
    this.waitMs = waitMs;
  }
}

/**
 * Downloads a file into a part that survives this process, hashing while it streams. A cut or stalled connection is made
 * again from where it broke with `Range` and `If-Range`, so that two versions of a file are never mixed.
 *
 * @throws GemmaError `SOURCE_UNREACHABLE`, `MODEL_NOT_FOUND`, `DOWNLOAD_FAILED`, `MODEL_HASH_MISMATCH`, `MODEL_INVALID`,
 *   `DISK_FULL`, `ABORTED`.
 */
export async function* fetchByHttp(fetch: HttpFetch): SourceFetch {
  const first = yield* fetchOnce(fetch);
  if (first !== 'damaged') return first;
  // What an earlier run left may have been damaged on the disk: that is no reason to doubt the source.
  yield { type: 'restarting', reason: 'the part of an earlier run does not have the expected SHA-256' };
  const second = yield* fetchOnce(fetch);
  if (second !== 'damaged') return second;
  throw new Error('a part that was just removed was continued');
}

async function* fetchOnce(fetch: HttpFetch): AsyncGenerator<PullEvent, FetchedFile | 'damaged', void> {
  const part = await openPart(fetch.target, (state) => canContinue(state, fetch), fetch.signal);
  const continuedBytes = part.sizeBytes;
  try {
    if (continuedBytes > 0) yield { type: 'resuming', fromBytes: continuedBytes };
    const { restarted } = yield* receive(part, fetch);
    yield { type: 'verifying', totalBytes: part.sizeBytes };
    const { sizeBytes } = part;
    const sha256 = await part.finish();
    const expected = fetch.expectation.hash;
    if (expected === null || expected.sha256 === sha256) {
      const { source, licenceName } = fetch;
      const hashSource = expected?.hashSource ?? 'computed';
      return { path: part.path, sizeBytes, sha256, hashSource, source, licenceName, licenceTexts: [] };
    }
    await part.remove();
    if (continuedBytes > 0 && !restarted) return 'damaged';
    throw mismatch(fetch, `the SHA-256 ${expected.sha256}, got ${sha256}`, {
      expected: expected.sha256,
      actual: sha256,
    });
  } finally {
    await part.keep();
  }
}

/** Fills the part from as many connections as it takes. */
async function* receive(part: PartFile, fetch: HttpFetch): AsyncGenerator<PullEvent, { restarted: boolean }, void> {
  const meter = createRateMeter(fetch.now);
  const isWhole = part.state?.totalBytes === part.sizeBytes && fetch.expectation.hash !== null;
  if (isWhole && part.sizeBytes > 0) return { restarted: false };
  let reached = false;
  let restarted = false;
  let retries = 0;
  for (;;) {
    const before = part.sizeBytes;
    try {
      const answer = await fetch.http.get({
        url: fetch.url,
        headers: rangeHeaders(part, fetch),
        bearer: fetch.bearer,
        signal: fetch.signal,
      });
      reached = true;
      const begin = readBeginning(answer, part, fetch);
      if (begin.type === 'whole') return { restarted };
      if (begin.type === 'restart') {
        yield { type: 'restarting', reason: begin.reason };
        restarted = true;
        await part.restart();
        if (!begin.isUsable) continue;
      }
      yield* readBody(answer, part, fetch, meter, begin.totalBytes);
      return { restarted };
    } catch (error) {
      if (fetch.signal?.aborted === true) throw abortedError();
      const broken = toBroken(error, reached);
      if (broken === undefined) {
        const isWrong = isGemmaError(error) && /^MODEL_(?:INVALID|HASH_MISMATCH)$/.test(error.code);
        if (isWrong) await part.remove();
        throw error;
      }
      if (part.sizeBytes - before >= goodBytesMin) retries = 0;
      if (retries >= fetch.retriesMax) throw failed(fetch, broken, part, retries);
      retries++;
      const waitMs = Math.min(retryMsMax, Math.max(broken.waitMs, fetch.retryMs * 2 ** (retries - 1)));
      yield { type: 'retrying', reason: broken.message, attempt: retries, waitMs };
      await sleep(waitMs, undefined, fetch.signal === undefined ? {} : { signal: fetch.signal }).catch(() => {
        throw abortedError();
      });
    }
  }
}

type Beginning =
  /** There is nothing more to fetch. */
  | { readonly type: 'whole' }
  /** The body goes on where the part ends. */
  | { readonly type: 'continue'; readonly totalBytes: number | null }
  /** The part is of no use. The body is, when it is the whole file. */
  | {
      readonly type: 'restart';
      readonly reason: string;
      readonly isUsable: boolean;
      readonly totalBytes: number | null;
    };

/** Decides what an answer is worth, and throws when it is not worth anything. */
function readBeginning(answer: HttpAnswer, part: PartFile, fetch: HttpFetch): Beginning {
  const { status } = answer;
  if (status === 200) {
    const encoding = answer.header('content-encoding');
    if (encoding !== null && encoding !== 'identity') {
      answer.drop();
      throw new BrokenError(`it sent the file in the encoding "${encoding}", which was not asked for`);
    }
    const totalBytes = wholeNumber(answer.header('content-length'));
    if (part.sizeBytes === 0) return { type: 'continue', totalBytes };
    const reason = 'the file changed on the server, or the server cannot continue a file';
    return { type: 'restart', reason, isUsable: true, totalBytes };
  }
  if (status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.header('content-range') ?? '');
    const totalBytes = wholeNumber(range?.[2] ?? null);
    const problem = rangeProblem(answer, range?.[1], totalBytes, part, fetch);
    if (problem === null) return { type: 'continue', totalBytes };
    answer.drop();
    if (part.sizeBytes === 0) throw new BrokenError(problem);
    return { type: 'restart', reason: problem, isUsable: false, totalBytes: null };
  }
  answer.drop();
  if (status === 416 && part.sizeBytes > 0) {
    const totalBytes = wholeNumber(/^bytes \*\/(\d+)$/.exec(answer.header('content-range') ?? '')?.[1] ?? null);
    if (totalBytes === part.sizeBytes) return { type: 'whole' };
    const reason = 'the server has fewer bytes than the part';
    return { type: 'restart', reason, isUsable: false, totalBytes: null };
  }
  if (status === 408 || status === 429 || status >= 500) {
    const seconds = wholeNumber(answer.header('retry-after')) ?? 0;
    throw new BrokenError(`the server answered ${status}`, seconds * 1_000);
  }
  throw refused(answer, fetch.source, fetch.bearer !== undefined);
}

/** Why a partial answer does not go on where the part ends; `null` when it does. */
function rangeProblem(
  answer: HttpAnswer,
  start: string | undefined,
  totalBytes: number | null,
  part: PartFile,
  fetch: HttpFetch,
): string | null {
  if (start === undefined) return 'the server sent a part and does not say which';
  if (Number(start) !== part.sizeBytes) return `byte ${part.sizeBytes} was asked for and byte ${start} came`;
  const { state } = part;
  if (state === null || state.sourceKey !== fetch.sourceKey) return null;
  const etag = answer.header('etag');
  if (etag !== null && state.etag !== null && etag !== state.etag) return 'the file changed on the server';
  if (totalBytes !== null && state.totalBytes !== null && totalBytes !== state.totalBytes) {
    return 'the length of the file changed on the server';
  }
  return null;
}

async function* readBody(
  answer: HttpAnswer,
  part: PartFile,
  fetch: HttpFetch,
  meter: RateMeter,
  totalBytes: number | null,
): AsyncGenerator<PullEvent, void, void> {
  const { expectation } = fetch;
  if (totalBytes !== null && expectation.sizeBytes !== null && totalBytes !== expectation.sizeBytes) {
    answer.drop();
    throw mismatch(fetch, `${expectation.sizeBytes} bytes, and the server has ${totalBytes}`, {
      expectedBytes: expectation.sizeBytes,
      actualBytes: totalBytes,
    });
  }
  const endBytes = totalBytes ?? expectation.sizeBytes;
  try {
    await fetch.reserve(endBytes === null ? reserveBytes : endBytes - part.sizeBytes);
    await part.setState(stateOf(answer, fetch, endBytes));
  } catch (error) {
    answer.drop();
    throw error;
  }
  let reservedBytes = part.sizeBytes + reserveBytes;
  for await (const chunk of answer.body) {
    // A web page or an error text in place of a model is seen at once, not after gigabytes of it.
    if (part.sizeBytes === 0 && chunk.length >= 8) {
      const problem = describeNoModel(chunk.subarray(0, 64), endBytes ?? chunk.length);
      if (problem !== null) throw noModel(fetch, problem);
    }
    if (endBytes !== null && part.sizeBytes + chunk.length > endBytes) {
      throw mismatch(fetch, `${endBytes} bytes, and more came`, { expectedBytes: endBytes });
    }
    await part.append(chunk);
    if (endBytes === null && part.sizeBytes > reservedBytes) {
      await fetch.reserve(reserveBytes);
      reservedBytes = part.sizeBytes + reserveBytes;
    }
    const event = meter.reportSometimes(part.sizeBytes, endBytes);
    if (event !== undefined) yield event;
  }
  if (endBytes !== null && part.sizeBytes < endBytes) {
    throw new BrokenError(`the connection ended after ${part.sizeBytes} of ${endBytes} bytes`);
  }
  yield meter.report(part.sizeBytes, part.sizeBytes);
}

function stateOf(answer: HttpAnswer, fetch: HttpFetch, totalBytes: number | null): PartState {
  const etag = answer.header('etag');
  return {
    sourceKey: fetch.sourceKey,
    // A weak validator promises the same meaning, not the same bytes.
    etag: etag !== null && etag.startsWith('"') ? etag : null,
    lastModified: answer.header('last-modified'),
    totalBytes,
    expectedSha256: fetch.expectation.hash?.sha256 ?? null,
  };
}

/** Whether the bytes of a part are the beginning of the file that is wanted, as far as can be told before asking. */
function canContinue(state: PartState, fetch: HttpFetch): boolean {
  const expected = fetch.expectation.hash?.sha256 ?? null;
  if (state.expectedSha256 !== expected) return false;
  // With a known hash a wrong beginning is found at the end; without one, the server has to vouch for it.
  if (expected !== null) return true;
  return state.sourceKey === fetch.sourceKey && (state.etag !== null || state.lastModified !== null);
}

function rangeHeaders(part: PartFile, fetch: HttpFetch): Readonly<Record<string, string>> {
  if (part.sizeBytes === 0) return {};
  const range = { range: `bytes=${part.sizeBytes}-` };
  const { state } = part;
  const validator = state?.sourceKey === fetch.sourceKey ? (state.etag ?? state.lastModified) : null;
  return validator === null ? range : { ...range, 'if-range': validator };
}

/** The broken connection behind an error, `undefined` for an error that another connection would not mend. */
function toBroken(error: unknown, reached: boolean): BrokenError | undefined {
  if (error instanceof BrokenError) return error;
  if (isGemmaError(error)) {
    // A source that never answered is left at once; one that did is given another chance.
    const isLost = reached && error.code === 'SOURCE_UNREACHABLE' && error.facts['status'] === undefined;
    return isLost ? new BrokenError(String(error.facts['reason']), 0, error) : undefined;
  }
  return new BrokenError(networkReason(error), 0, error);
}

function failed(fetch: HttpFetch, broken: BrokenError, part: PartFile, retries: number): GemmaError {
  return new GemmaError({
    code: 'DOWNLOAD_FAILED',
    message: `The download from ${fetch.source} broke off after ${part.sizeBytes} bytes, ${retries} retries included: ${broken.message}. What came is kept: pull again to go on.`,
    facts: { source: fetch.source, receivedBytes: part.sizeBytes, retries, reason: broken.message },
    cause: broken,
  });
}

function mismatch(fetch: HttpFetch, what: string, facts: Readonly<Record<string, unknown>>): GemmaError {
  return new GemmaError({
    code: 'MODEL_HASH_MISMATCH',
    message: `Expected of the file from ${fetch.source} ${what}. It was thrown away. Pull again, or choose another source.`,
    facts: { source: fetch.source, ...facts },
  });
}

function noModel(fetch: HttpFetch, problem: string): GemmaError {
  return new GemmaError({
    code: 'MODEL_INVALID',
    message: `Expected a model file (GGUF or SBS) from ${fetch.source}, got ${problem}. Check the address.`,
    facts: { source: fetch.source },
  });
}

function wholeNumber(text: string | null): number | null {
  if (text === null || !/^\d{1,15}$/.test(text)) return null;
  return Number(text);
}
