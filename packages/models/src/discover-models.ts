import { readFile, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { isGemmaError } from '@gemma-cli/contracts';
import { orWhenMissing } from './fs-tools.ts';
import { inspectModelFile } from './inspect-model-file.ts';
import type { ModelHeader } from './model-header.ts';

/** What `discoverModels` takes. Nothing is read from the environment of the process. */
export interface DiscoverOptions {
  /** Home folder of the user, absolute: other programs keep their models below it. */
  readonly home: string;
  /** `OLLAMA_MODELS` is read from here. Default: empty. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** A model that another program downloaded. */
export interface DiscoveredModel {
  /** Name as that program calls it. */
  readonly name: string;
  /** The file, absolute. Import it by link to use it where it lies. */
  readonly path: string;
  readonly from: 'ollama' | 'lm-studio';
  readonly sizeBytes: number;
  /** `null` = its header was refused, see `problem`. */
  readonly header: ModelHeader | null;
  /** Why it cannot be used. `null` = it can. */
  readonly problem: string | null;
}

/** Longest manifest that is read, in bytes. They have about a kilobyte. */
const manifestBytesMax = 1024 * 1024;
/** Most files of each program that are looked at. */
const filesMax = 2_000;
/** Deepest folder that is looked at: both programs use up to five levels. */
const depthMax = 6;

interface Candidate {
  readonly name: string;
  readonly path: string;
  readonly from: DiscoveredModel['from'];
}

/**
 * Finds the models that Ollama and LM Studio already downloaded and checks the header of each. Changes nothing. A folder
 * that is not there holds no models.
 *
 * @throws GemmaError never for a single bad file: that one is told with its `problem`.
 */
export async function discoverModels(options: DiscoverOptions): Promise<readonly DiscoveredModel[]> {
  const configured = options.env?.['OLLAMA_MODELS'];
  const ollama = configured === undefined || configured === '' ? join(options.home, '.ollama', 'models') : configured;
  const studios = [join(options.home, '.lmstudio', 'models'), join(options.home, '.cache', 'lm-studio', 'models')];
  const candidates = [...(await findInOllama(ollama)), ...(await Promise.all(studios.map(findInStudio))).flat()];
  const found: DiscoveredModel[] = [];
  for (const candidate of candidates) {
    const model = await check(candidate);
    if (model !== undefined) found.push(model);
  }
  return found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function check(candidate: Candidate): Promise<DiscoveredModel | undefined> {
  const stats = await stat(candidate.path).catch(orWhenMissing(undefined));
  if (stats === undefined) return undefined;
  try {
    const header = await inspectModelFile(candidate.path);
    return { ...candidate, sizeBytes: header.sizeBytes, header, problem: null };
  } catch (error) {
    if (!isGemmaError(error)) throw error;
    return { ...candidate, sizeBytes: stats.size, header: null, problem: error.message };
  }
}

/*
 * manifests/<registry>/<namespace>/<model>/<tag>  JSON whose layers name blobs by digest
 * blobs/sha256-<hex>                              the layer of type application/vnd.ollama.image.model is the GGUF file
 */
async function findInOllama(folder: string): Promise<readonly Candidate[]> {
  const manifests = join(folder, 'manifests');
  const found: Candidate[] = [];
  for (const path of await filesBelow(manifests)) {
    const digest = await modelDigest(path);
    if (digest === undefined) continue;
    const [registry, namespace, ...rest] = relative(manifests, path).split(sep);
    const isLibrary = registry === 'registry.ollama.ai' && namespace === 'library';
    const names = isLibrary ? rest : [registry, namespace, ...rest];
    const name = `${names.slice(0, -1).join('/')}:${names.at(-1)}`;
    found.push({ name, path: join(folder, 'blobs', `sha256-${digest}`), from: 'ollama' });
  }
  return found;
}

/** Digest of the model layer of a manifest; `undefined` for a file that is no manifest or has no such layer. */
async function modelDigest(path: string): Promise<string | undefined> {
  const stats = await stat(path).catch(orWhenMissing(undefined));
  if (stats === undefined || stats.size > manifestBytesMax) return undefined;
  let manifest: unknown;
  try {
    manifest = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    // Any file can lie in that folder; one that is no JSON is no manifest.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const layers = (manifest as { layers?: unknown } | null)?.layers;
  if (!Array.isArray(layers)) return undefined;
  const layer = layers.find(
    (candidate: { mediaType?: unknown } | null) => candidate?.mediaType === 'application/vnd.ollama.image.model',
  ) as { digest?: unknown } | undefined;
  // The digest becomes a file name: nothing but the hash itself may be in it.
  return typeof layer?.digest === 'string' ? /^sha256:([0-9a-f]{64})$/.exec(layer.digest)?.[1] : undefined;
}

/** `<publisher>/<repository>/<file>.gguf`, projectors left out. */
async function findInStudio(folder: string): Promise<readonly Candidate[]> {
  return (await filesBelow(folder))
    .filter((path) => /\.gguf$/i.test(path) && !/mmproj/i.test(basename(path)))
    .map((path) => {
      const place = relative(folder, dirname(path)).split(sep).join('/');
      const file = basename(path).replace(/\.gguf$/i, '');
      return { name: place === '' ? file : `${place}/${file}`, path, from: 'lm-studio' as const };
    });
}

/** Plain files below a folder, links to files among them, links to folders not followed. */
async function filesBelow(folder: string, depth = 0): Promise<readonly string[]> {
  const found: string[] = [];
  const entries = await readdir(folder, { withFileTypes: true }).catch(orWhenMissing([]));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && depth < depthMax) found.push(...(await filesBelow(path, depth + 1)));
    else if (entry.isFile() || entry.isSymbolicLink()) found.push(path);
    if (found.length >= filesMax) break;
  }
  return found.slice(0, filesMax);
}
