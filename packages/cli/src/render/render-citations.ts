import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Citation, Passage } from '@gemma-cli/app';
import { sanitizeTerminalText } from './sanitize-terminal-text.ts';

/** `3 passages from docs/`: how many there are, and where they were read. */
export function passagesLine(passages: readonly Pick<Passage, 'uri'>[], cwd: string): string {
  const count = `${passages.length} ${passages.length === 1 ? 'passage' : 'passages'}`;
  return sanitizeTerminalText(`${count} from ${placesOf([...new Set(passages.map(({ uri }) => uri))], cwd)}`);
}

/** The citations of an answer, a line for each, and how many of them hold. */
export function citationLines(citations: readonly Citation[], cwd: string): readonly string[] {
  if (citations.length === 0) return [];
  const lines = citations.map(({ n, uri, start, end, quote, checked, stale, sentence }) => {
    const place = uri === null ? 'no passage' : `${shortUri(uri, cwd)} [${start}, ${end})`;
    const state = `${checked ? 'checked' : 'not supported'}${stale ? ', the source has changed since' : ''}`;
    return `[${n}] ${place}, ${state}: ${shortened(checked && quote !== null ? `“${oneLine(quote)}”` : oneLine(sentence))}`;
  });
  const checked = citations.filter((citation) => citation.checked).length;
  const sum = `gemma: ${checked} of ${citations.length} ${citations.length === 1 ? 'sentence is' : 'sentences are'} supported by a passage`;
  return [...lines, sum].map(sanitizeTerminalText);
}

/** A file by its path from here, where it is not far away; an address as it is. */
export function shortUri(uri: string, cwd: string): string {
  const path = pathOf(uri);
  if (path === undefined) return uri;
  const near = relative(cwd, path);
  return near === '' || near.startsWith('..') ? path : near;
}

/** The folder that all are in, where they are files of one; the one source; otherwise how many there are. */
function placesOf(uris: readonly string[], cwd: string): string {
  const [only] = uris;
  if (uris.length === 1 && only !== undefined) return only.startsWith('memory:') ? 'memory' : shortUri(only, cwd);
  const paths = uris.map(pathOf);
  if (paths.every((path) => path !== undefined)) {
    const folders = paths.map((path) => shortPath(path, cwd).split(sep).slice(0, -1));
    const [first = []] = folders;
    let common = first.length;
    for (const folder of folders) {
      let same = 0;
      while (same < common && folder[same] === first[same]) same += 1;
      common = same;
    }
    const name = first.slice(0, common).join(sep);
    if (name !== '') return `${name}${sep}`;
  }
  return `${uris.length} sources`;
}

function shortPath(path: string, cwd: string): string {
  const near = relative(cwd, path);
  return near === '' || near.startsWith('..') ? path : near;
}

function pathOf(uri: string): string | undefined {
  if (!uri.startsWith('file:')) return undefined;
  try {
    return fileURLToPath(uri);
  } catch {
    // An address of another system, such as a drive that is none here.
    return undefined;
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

function shortened(text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 119)}…`;
}
