import { GemmaError } from '@gemma-cli/contracts';
import type { HttpAnswer, HttpClient } from './http-client.ts';
import type { CatalogSource } from './catalog.ts';

/** A file of the hub, found. */
export interface HubFile {
  readonly url: string;
  /** Path in the repository. */
  readonly path: string;
  /** `null` = the hub does not tell. */
  readonly sizeBytes: number | null;
  /** The hub's own SHA-256. `null` = the hub does not tell. */
  readonly sha256: string | null;
  /** Name of the licence on the model's card. `null` = it has none. */
  readonly licenceName: string | null;
  /** Page of the licence, or of the model. */
  readonly licenceUrl: string;
}

/** How the hub is asked. */
export interface HubAccess {
  readonly http: HttpClient;
  /** Address of the hub, without a slash at the end. */
  readonly endpoint: string;
  /** Goes to the hub only. */
  readonly token: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/** The quantization that a repository is asked for when none is named: small, and nearly as good as the whole. */
const defaultQuantization = 'Q4_K_M';
/** Longest list of files that is read. The largest repositories of quantizations have some hundred kilobytes. */
const listBytesMax = 16 * 1024 * 1024;

interface HubSibling {
  readonly path: string;
  readonly sizeBytes: number | null;
  readonly sha256: string | null;
}

/**
 * Finds a model file in a repository of the Hugging Face hub and what the hub says of it, in one request.
 *
 * @throws GemmaError `MODEL_NOT_FOUND`, `MODEL_UNSUPPORTED`, `SOURCE_UNREACHABLE`.
 */
export async function findOnHub(
  source: Extract<CatalogSource, { type: 'hugging-face' }>,
  hub: HubAccess,
): Promise<HubFile> {
  const page = `${hub.endpoint}/${source.repository}`;
  const answer = await hub.http.get({
    url: `${hub.endpoint}/api/models/${source.repository}?blobs=true`,
    bearer: hub.token,
    signal: hub.signal,
  });
  if (answer.status !== 200) {
    answer.drop();
    throw refused(answer, page, hub.token !== undefined);
  }
  let model: unknown;
  try {
    model = await hub.http.json(answer, listBytesMax);
  } catch (error) {
    throw notAHub(page, error);
  }
  const { siblings, revision, card } = readModel(model, page);
  const file = chooseFile(siblings, source, page);
  const link = text(card['license_link']);
  return {
    url: `${page}/resolve/${encodeURIComponent(revision)}/${file.path.split('/').map(encodeURIComponent).join('/')}`,
    path: file.path,
    sizeBytes: file.sizeBytes,
    sha256: file.sha256,
    licenceName: text(card['license_name']) ?? text(card['license']),
    licenceUrl: link !== null && /^https?:\/\//.test(link) ? link : page,
  };
}

/** The error of an answer that is not a file, in the words of what to do. */
export function refused(answer: HttpAnswer, where: string, hasToken: boolean): GemmaError {
  const { status } = answer;
  if (status === 401 || status === 403) {
    const next = hasToken
      ? 'Accept its terms on that page with the account of HF_TOKEN'
      : 'It does not exist, or wants its terms accepted on that page and a token in HF_TOKEN';
    return new GemmaError({
      code: 'SOURCE_UNREACHABLE',
      message: `${where} does not let us in (${status}). ${next}, or choose another source.`,
      facts: { status, url: where },
    });
  }
  if (status === 404 || status === 410) {
    return new GemmaError({
      code: 'MODEL_NOT_FOUND',
      message: `There is nothing at ${where} (${status}). Check the spelling.`,
      facts: { status, url: where },
    });
  }
  return new GemmaError({
    code: 'SOURCE_UNREACHABLE',
    message: `Expected a file from ${where}, got the status ${status}. Try again later, or choose another source.`,
    facts: { status, url: where },
  });
}

function readModel(model: unknown, page: string) {
  if (!isRecord(model) || !Array.isArray(model['siblings'])) throw notAHub(page);
  const siblings = model['siblings'].flatMap((sibling: unknown): HubSibling[] => {
    if (!isRecord(sibling) || typeof sibling['rfilename'] !== 'string') return [];
    const lfs = isRecord(sibling['lfs']) ? sibling['lfs'] : {};
    const sha256 = text(lfs['sha256']) ?? text(lfs['oid']);
    return [
      {
        path: sibling['rfilename'],
        sizeBytes: size(lfs['size']) ?? size(sibling['size']),
        sha256: sha256 !== null && /^[0-9a-f]{64}$/i.test(sha256) ? sha256.toLowerCase() : null,
      },
    ];
  });
  return {
    siblings,
    revision: text(model['sha']) ?? 'main',
    card: isRecord(model['cardData']) ? model['cardData'] : {},
  };
}

function chooseFile(
  siblings: readonly HubSibling[],
  source: Extract<CatalogSource, { type: 'hugging-face' }>,
  page: string,
): HubSibling {
  if (source.file !== undefined) {
    const exact = siblings.find(({ path }) => path === source.file);
    if (exact !== undefined) return exact;
    throw missing(`the file ${source.file}`, siblings, page);
  }
  // A projector for pictures and an importance matrix lie beside many models and are none.
  const models = siblings.filter(({ path }) => /\.gguf$/i.test(path) && !/mmproj|imatrix/i.test(path));
  const wanted = source.quantization ?? defaultQuantization;
  const pattern = new RegExp(`(?:^|[-._/])${wanted.replaceAll(/[^A-Za-z0-9_]/g, String.raw`\$&`)}(?:[-._/]|$)`, 'i');
  const matching = models.filter(({ path }) => pattern.test(path.replace(/\.gguf$/i, '')));
  const whole = matching.filter(({ path }) => !isSplit(path)).toSorted((a, b) => a.path.length - b.path.length);
  if (whole[0] !== undefined) return whole[0];
  if (matching.length > 0) {
    throw new GemmaError({
      code: 'MODEL_UNSUPPORTED',
      message: `${page} has ${wanted} only in several parts, and one file is expected. Choose a smaller quantization: ${quantizations(models)}.`,
      facts: { url: page, quantization: wanted },
    });
  }
  const only = models.length === 1 ? models[0] : undefined;
  if (source.quantization === undefined && only !== undefined) return only;
  throw missing(`a .gguf file with ${wanted}`, models, page);
}

function missing(what: string, files: readonly HubSibling[], page: string): GemmaError {
  const found = files.filter(({ path }) => /\.gguf$/i.test(path)).map(({ path }) => path);
  const there = found.length === 0 ? 'it has no .gguf file at all' : `it has ${found.slice(0, 12).join(', ')}`;
  return new GemmaError({
    code: 'MODEL_NOT_FOUND',
    message: `Expected ${what} in ${page}, and ${there}. Name a quantization that is there: hf:owner/repo:QUANT.`,
    facts: { url: page, files: found.slice(0, 50) },
  });
}

function quantizations(files: readonly HubSibling[]): string {
  const whole = files.filter(({ path }) => !isSplit(path)).map(({ path }) => path);
  return whole.length === 0 ? 'there is none in one file' : whole.slice(0, 12).join(', ');
}

function isSplit(path: string): boolean {
  return /-\d{5}-of-\d{5}\.gguf$/i.test(path);
}

function notAHub(page: string, cause?: unknown): GemmaError {
  return new GemmaError({
    code: 'SOURCE_UNREACHABLE',
    message: `Expected the hub's description of ${page}, got something else. Check HF_ENDPOINT, or choose another source.`,
    facts: { url: page },
    cause,
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function size(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
