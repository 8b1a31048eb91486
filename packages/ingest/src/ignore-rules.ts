import { stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import ignore from 'ignore';
import type { Ignore } from 'ignore';
import { openRegularFile, readWhole } from './open-regular-file.ts';
import { skipReasonOf } from './skip.ts';
import type { SkipReason } from './skip.ts';

/** Files with patterns of what is left out, the later ones winning. */
const ignoreFileNames: readonly string[] = ['.gitignore', '.gemmaignore'];

/** Never walked into, whatever patterns say: what tools keep there is not for readers. */
const neverNames: ReadonlySet<string> = new Set(['.git', '.hg', '.svn', 'node_modules']);

/** Most bytes of a file with patterns: each of them is tried on each file. */
const ignoreFileBytesMax = 256 * 1024;
/** Most folders above the one that is walked that are asked for patterns. */
const levelsAboveMax = 32;
/**
 * Most `**` between slashes of a pattern. Matching costs the depth of a path to the power of them, and a file with patterns
 * may come from anybody. Stars within a name cost nothing like it.
 */
const globstarsMax = 3;

/** What is left out of one folder: its own patterns, and those of the folders around it. */
export interface IgnoreRules {
  /** Whether a direct child is left out. */
  ignores(name: string, isFolder: boolean): boolean;
  /** The rules of a folder inside. */
  enter(name: string): Promise<IgnoreRules>;
}

/** Patterns of one folder. */
interface Layer {
  readonly folder: string;
  readonly patterns: Ignore;
}

/**
 * The rules of a folder, those of the folders above it included as far as its repository goes.
 *
 * @param options.hidden - Whether names that begin with a dot are walked.
 * @param options.onProblem - Told of files with patterns that cannot be followed.
 */
export async function readIgnoreRules({
  folder,
  hidden,
  onProblem,
}: {
  readonly folder: string;
  readonly hidden: boolean;
  readonly onProblem: (path: string, problem: SkipReason) => void;
}): Promise<IgnoreRules> {
  const above: Layer[] = [];
  for (const outer of await foldersOfRepository(folder)) {
    const layer = await readLayer(outer, onProblem);
    // Who names a folder wants it: patterns that leave out the whole of it do not count.
    if (layer !== null && !layer.patterns.ignores(`${toSlashes(relative(outer, folder))}/`)) above.push(layer);
  }
  return rulesOf(folder, above);

  async function rulesOf(path: string, outer: readonly Layer[]): Promise<IgnoreRules> {
    const own = await readLayer(path, onProblem);
    const layers = own === null ? outer : [...outer, own];
    return {
      ignores: (name, isFolder) =>
        neverNames.has(name) ||
        (!hidden && name.startsWith('.')) ||
        isIgnored(layers, join(path, name), isFolder) ||
        // A name that patterns cannot speak of, such as one with a line break at its end, is no file of a reader.
        !ignore.isPathValid(name),
      enter: (name) => rulesOf(join(path, name), layers),
    };
  }
}

/** The folders above one, from the outermost, as far as the one that holds `.git`. None outside a repository. */
async function foldersOfRepository(folder: string): Promise<readonly string[]> {
  const above: string[] = [];
  let at = folder;
  for (let level = 0; level < levelsAboveMax; level++) {
    if (await exists(join(at, '.git'))) return above.toReversed();
    const parent = dirname(at);
    if (parent === at) return [];
    above.push(parent);
    at = parent;
  }
  return [];
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** The innermost folder that says something decides. */
function isIgnored(layers: readonly Layer[], path: string, isFolder: boolean): boolean {
  for (const { folder, patterns } of layers.toReversed()) {
    const name = toSlashes(relative(folder, path));
    if (!ignore.isPathValid(name)) continue;
    const { ignored, unignored } = patterns.test(isFolder ? `${name}/` : name);
    if (ignored) return true;
    if (unignored) return false;
  }
  return false;
}

async function readLayer(
  folder: string,
  onProblem: (path: string, problem: SkipReason) => void,
): Promise<Layer | null> {
  let patterns: Ignore | null = null;
  for (const name of ignoreFileNames) {
    const path = join(folder, name);
    const text = await readPatterns(path, onProblem);
    if (text === null) continue;
    const lines = text.split(/\r?\n/u);
    const costly = lines.filter(isCostly);
    if (costly.length > 0) {
      onProblem(path, {
        code: 'DOCUMENT_TOO_LARGE',
        reason: `${costly.length} of its patterns have more than ${globstarsMax} times ** or are too long, and are not followed`,
      });
    }
    patterns ??= ignore();
    patterns.add(lines.filter((line) => !isCostly(line)));
  }
  return patterns === null ? null : { folder, patterns };
}

async function readPatterns(
  path: string,
  onProblem: (path: string, problem: SkipReason) => void,
): Promise<string | null> {
  if (!(await exists(path))) return null;
  try {
    const file = await openRegularFile({ path, root: null });
    try {
      return (await readWhole(file, ignoreFileBytesMax, undefined)).toString('utf8');
    } finally {
      await file.handle.close();
    }
  } catch (error) {
    onProblem(path, skipReasonOf(error, 'FILE_UNREADABLE'));
    return null;
  }
}

function isCostly(pattern: string): boolean {
  return (
    pattern.length > patternCharactersMax ||
    pattern.split('/').filter((part) => /^\*{2,}$/u.test(part)).length > globstarsMax
  );
}

/** A path of Linux is not longer. */
const patternCharactersMax = 4_096;

function toSlashes(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/');
}
