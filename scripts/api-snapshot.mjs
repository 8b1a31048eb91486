// The public types of every published package, as one file per package in `api/`: what the declarations reachable from its
// exports say, without comments. `node scripts/api-snapshot.mjs` compares the build with the committed files and fails on
// a difference; with `--write` it updates them, so that a changed API is seen in review.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { packageNames, root } from './tools.mjs';

// TypeScript 7 has no stable compiler API for this; version 5 is here for the consumer tests anyway.
const ts = createRequire(import.meta.url)('typescript-5');

const folder = join(root, 'api');
const snapshots = new Map(
  packageNames()
    .filter((name) => readManifest(name).private !== true)
    .map((name) => [`${name}.d.ts`, apiOf(name)]),
);

if (process.argv.includes('--write')) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const [file, text] of snapshots) writeFileSync(join(folder, file), text);
} else {
  const changed = [...snapshots].filter(([file, text]) => text !== readIfThere(join(folder, file)));
  const gone = readdirSync(folder).filter((file) => !snapshots.has(file));
  for (const [file, text] of changed)
    console.log(`api/${file} ${firstDifference(readIfThere(join(folder, file)), text)}`);
  for (const file of gone) console.log(`api/${file} belongs to no package`);
  if (changed.length + gone.length > 0) {
    console.log('The public types changed. If that is meant: node scripts/api-snapshot.mjs --write, and a changeset.');
    process.exitCode = 1;
  }
}

function readManifest(name) {
  return JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'));
}

/** Every entry of the exports map, then every declaration file it reaches, each once. */
function apiOf(name) {
  const packageFolder = join(root, 'packages', name);
  const { exports } = readManifest(name);
  const entries = Object.entries(exports).filter(([, target]) => target.types !== undefined);
  const files = new Set();
  for (const [, { types }] of entries) collect(join(packageFolder, types), files);
  const heads = entries.map(([key, { types }]) => `// ${key} = ${types}`).join('\n');
  const bodies = [...files]
    .map((file) => ({ file: relative(packageFolder, file).replaceAll('\\', '/'), text: withoutComments(file) }))
    .toSorted((a, b) => (a.file < b.file ? -1 : 1))
    .map(({ file, text }) => `// ${file}\n${text}`);
  return `${heads}\n\n${bodies.join('\n')}`;
}

function collect(file, files) {
  if (files.has(file)) return;
  files.add(file);
  for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8'), true, true).importedFiles) {
    // tsc writes the ending of the source, or of the output, depending on the kind of import.
    if (fileName.startsWith('.')) collect(join(dirname(file), fileName.replace(/(\.d)?\.(js|ts)$/u, '.d.ts')), files);
  }
}

function withoutComments(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  return ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed }).printFile(source);
}

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
  } catch {
    return '';
  }
}

function firstDifference(before, after) {
  if (before === '') return 'is missing';
  const old = before.split('\n');
  const now = after.split('\n');
  const line = now.findIndex((text, index) => text !== old[index]);
  const at = line === -1 ? now.length : line;
  return `line ${at + 1}: was ${JSON.stringify(old[at] ?? '(end)')}, is ${JSON.stringify(now[at] ?? '(end)')}`;
}
