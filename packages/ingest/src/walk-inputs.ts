import type { BigIntStats } from 'node:fs';
import { lstat, opendir, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isGemmaError } from '@gemma-cli/contracts';
import picomatch from 'picomatch';
import { readIgnoreRules } from './ignore-rules.ts';
import type { IgnoreRules } from './ignore-rules.ts';
import type { IngestLimits } from './ingest-limits.ts';
import { refusePseudo, refuseSpecial } from './open-regular-file.ts';
import { fileSkip, skip, skipReasonOf, throwIfAborted } from './skip.ts';
import type { SkipReason } from './skip.ts';

/** A file to read. */
export interface FoundFile {
  /** As it is shown: below the input as that was given. */
  readonly shown: string;
  /** Absolute, links of the folders above the input resolved. */
  readonly path: string;
  readonly uri: string;
  /** Nothing outside of it is read; `null` = it was named itself. */
  readonly root: string | null;
  readonly sizeBytes: number;
  /** Changes when the content may have: size, time and identity. */
  readonly stamp: string;
}

/** Something that was found and is not read. */
export interface LeftOut extends SkipReason {
  readonly shown: string;
  readonly uri: string | null;
}

/** What a search found, in the order of the inputs, and of their names inside a folder. */
export interface Walk {
  readonly files: readonly FoundFile[];
  readonly leftOut: readonly LeftOut[];
  /** Folders that were given, with what was found in them. */
  readonly folders: readonly WalkedFolder[];
  /** Absolute paths of all folders whose change can change the walk. */
  readonly watched: ReadonlySet<string>;
  /** Whether all of it could be searched: then a file that was not found is not there, or left out. */
  readonly complete: boolean;
}

/** A folder that was given and searched. */
export interface WalkedFolder {
  readonly uri: string;
  readonly found: ReadonlySet<string>;
  /** Whether all of it could be searched. */
  readonly complete: boolean;
}

/** What a search takes. */
export interface WalkOptions {
  readonly cwd: string;
  readonly hidden: boolean;
  readonly limits: Pick<IngestLimits, 'depthMax' | 'filesMax'>;
  readonly signal: AbortSignal | undefined;
}

/** Searches paths and patterns for files. Links are not followed, and one file that several inputs name is found once. */
export async function walkInputs(inputs: readonly string[], options: WalkOptions): Promise<Walk> {
  const walk: WalkState = {
    ...options,
    files: [],
    leftOut: [],
    folders: [],
    watched: new Set(),
    known: new Set(),
    full: false,
    complete: true,
  };
  for (const input of inputs) {
    throwIfAborted(options.signal);
    try {
      await walkInput(/^file:\/\//iu.test(input) ? fileURLToPath(input) : input, walk);
    } catch (error) {
      throwIfAborted(options.signal);
      // What is not a refusal of ours the file system said, and it may say something else the next time.
      walk.complete &&= isGemmaError(error);
      leaveOut(walk, input, null, error);
    }
  }
  return walk;
}

interface WalkState extends WalkOptions {
  readonly files: FoundFile[];
  readonly leftOut: LeftOut[];
  readonly folders: WalkedFolder[];
  readonly watched: Set<string>;
  /** Addresses of the files found. */
  readonly known: Set<string>;
  /** Whether the most files were found, which is told once. */
  full: boolean;
  complete: boolean;
}

/** What the search of one folder that was given knows. */
interface FolderSearch {
  readonly walk: WalkState;
  readonly root: string;
  /** What stands for the root in what is shown. */
  readonly shown: string;
  readonly matches: (path: string) => boolean;
  readonly found: Set<string>;
  complete: boolean;
}

async function walkInput(input: string, walk: WalkState): Promise<void> {
  const facts = await orNothing(lstat(resolve(walk.cwd, input), { bigint: true }));
  if (facts === null) {
    const pattern = toPattern(input);
    if (pattern === null) {
      await watchAbove(resolve(walk.cwd, input), walk);
      throw skip('FILE_UNREADABLE', 'nothing is there');
    }
    await walkPattern(input, pattern, walk);
  } else if (facts.isDirectory()) {
    await walkFolder({ path: resolve(walk.cwd, input), shown: input, matches: null, walk });
  } else {
    await addNamed(input, facts, walk);
  }
}

async function addNamed(input: string, facts: BigIntStats, walk: WalkState): Promise<void> {
  const path = resolve(walk.cwd, input);
  if (facts.isSymbolicLink()) {
    const target = await orNothing(realpath(path));
    const instead = target === null ? 'what it leads to is not there' : `to read it, name ${target} itself`;
    throw skip('DOCUMENT_UNSUPPORTED', `it is a symbolic link: ${instead}`);
  }
  refuseSpecial(facts);
  const folder = await realpath(dirname(path));
  await refusePseudo(folder);
  walk.watched.add(folder);
  addFile({ walk, shown: input, path: join(folder, basename(path)), root: null, facts });
}

/** Where something is missing, the nearest folder above it is the one that changes when it comes. */
async function watchAbove(path: string, walk: WalkState): Promise<void> {
  for (let above = dirname(path); ; above = dirname(above)) {
    const facts = await orNothing(lstat(above));
    if (facts?.isDirectory() === true) walk.watched.add(above);
    if (facts !== null || above === dirname(above)) return;
  }
}

/** Splits a pattern into the folder that it begins in and the rest. `null` where it has nothing that stands for others. */
function toPattern(input: string): { readonly base: string; readonly glob: string } | null {
  const { base, glob, isGlob } = picomatch.scan(sep === '/' ? input : input.replaceAll(sep, '/'));
  return isGlob ? { base: base === '' ? '.' : base, glob } : null;
}

async function walkPattern(
  input: string,
  { base, glob }: { readonly base: string; readonly glob: string },
  walk: WalkState,
): Promise<void> {
  const before = walk.leftOut.length;
  const path = resolve(walk.cwd, base);
  const facts = await orNothing(lstat(path));
  if (facts === null) await watchAbove(path, walk);
  if (facts === null || !facts.isDirectory()) throw skip('FILE_UNREADABLE', `${base} is no folder`);
  const matches = picomatch(glob, { nonegate: true, dot: walk.hidden });
  const { found, complete } = await walkFolder({ path, shown: base, matches, walk });
  if (found.size === 0 && complete && walk.leftOut.length === before)
    throw skip('FILE_UNREADABLE', `no file matches ${input}`);
}

async function walkFolder({
  path,
  shown,
  matches,
  walk,
}: {
  readonly path: string;
  readonly shown: string;
  readonly matches: ((path: string) => boolean) | null;
  readonly walk: WalkState;
}): Promise<FolderSearch> {
  const root = await realpath(path);
  const search: FolderSearch = {
    walk,
    root,
    shown,
    matches: matches ?? (() => true),
    found: new Set(),
    complete: true,
  };
  const rules = await readIgnoreRules({
    folder: root,
    hidden: walk.hidden,
    onProblem: (file, problem) => {
      walk.leftOut.push({ shown: shownPath(search, file), uri: null, ...problem });
    },
  });
  await walkInto({ folder: root, depth: 0, device: null, rules, search });
  walk.complete &&= search.complete;
  // A pattern leaves files of its folder out, and says nothing about them.
  if (matches === null) {
    walk.folders.push({
      uri: `${toUri(root)}/`.replace(/\/\/$/u, '/'),
      found: search.found,
      complete: search.complete,
    });
  }
  return search;
}

async function walkInto({
  folder,
  depth,
  device,
  rules,
  search,
}: {
  readonly folder: string;
  readonly depth: number;
  /** The file system that the folder around it lies on. */
  readonly device: bigint | null;
  readonly rules: IgnoreRules;
  readonly search: FolderSearch;
}): Promise<void> {
  const { walk } = search;
  throwIfAborted(walk.signal);
  if (walk.full) {
    search.complete = false;
    return;
  }
  let names: readonly string[];
  let own: bigint;
  try {
    if (depth > walk.limits.depthMax) {
      throw skip('DOCUMENT_TOO_LARGE', `it lies more than ${walk.limits.depthMax} folders deep`);
    }
    own = (await lstat(folder, { bigint: true })).dev;
    if (own !== device) await refusePseudo(folder);
    names = await namesIn(folder);
  } catch (error) {
    search.complete = false;
    leaveOut(walk, shownPath(search, folder), null, error);
    return;
  }
  walk.watched.add(folder);
  for (const name of names) {
    throwIfAborted(walk.signal);
    const path = join(folder, name);
    let facts: BigIntStats | null;
    try {
      facts = await orNothing(lstat(path, { bigint: true }));
    } catch (error) {
      // Its path may be too long, or the folder may be listed and not entered: the others are read all the same.
      search.complete = false;
      leaveOut(walk, shownPath(search, path), toUri(path), error);
      continue;
    }
    // It was there a moment ago, and is gone.
    if (facts === null) continue;
    if (rules.ignores(name, facts.isDirectory())) continue;
    if (facts.isDirectory()) {
      await walkInto({ folder: path, depth: depth + 1, device: own, rules: await rules.enter(name), search });
    } else if (search.matches(toSlashes(relative(search.root, path)))) {
      addChild(path, facts, search);
    }
  }
}

function addChild(path: string, facts: BigIntStats, search: FolderSearch): void {
  const { walk } = search;
  const shown = shownPath(search, path);
  const uri = toUri(path);
  try {
    refuseSpecial(facts);
  } catch (error) {
    leaveOut(walk, shown, uri, error);
    return;
  }
  if (walk.full) {
    search.complete = false;
    return;
  }
  search.found.add(uri);
  addFile({ walk, shown, path, root: search.root, facts });
}

function addFile({
  walk,
  shown,
  path,
  root,
  facts,
}: {
  readonly walk: WalkState;
  readonly shown: string;
  readonly path: string;
  readonly root: string | null;
  readonly facts: BigIntStats;
}): void {
  const uri = toUri(path);
  if (walk.known.has(uri)) return;
  if (walk.known.size >= walk.limits.filesMax) {
    walk.full = true;
    walk.complete = false;
    leaveOut(
      walk,
      shown,
      uri,
      skip('DOCUMENT_TOO_LARGE', `it and what follows are beyond ${walk.limits.filesMax} files`),
    );
    return;
  }
  walk.known.add(uri);
  const stamp = [facts.size, facts.mtimeNs, facts.ctimeNs, facts.ino].join(':');
  walk.files.push({ shown, path, uri, root, sizeBytes: Number(facts.size), stamp });
}

function leaveOut(walk: WalkState, shown: string, uri: string | null, error: unknown): void {
  walk.leftOut.push({ shown, uri, ...skipReasonOf(fileSkip(error), 'FILE_UNREADABLE') });
}

/** By code units, so that two machines agree. */
async function namesIn(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const entry of await opendir(folder)) names.push(entry.name);
  return names.toSorted((one, other) => (one < other ? -1 : 1));
}

function shownPath(search: FolderSearch, path: string): string {
  return join(search.shown, relative(search.root, path));
}

function toUri(path: string): string {
  return pathToFileURL(path).href;
}

function toSlashes(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/');
}

/** Nothing where the file system says that nothing is there. */
async function orNothing<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Windows has no name with a star, and says so by EINVAL.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EINVAL') return null;
    throw error;
  }
}
