// Builds the passages that the suite `search` looks through: distinct passages of about 40 words out of documentation
// packages of Debian, in an order that a seed decides, and queries from sentences of passages that are held back.
//
//   node packages/bench/scripts/build-passages.mjs [--passages N] [--out DIR] [--packages NAME,NAME,…] [--seed N]
//
// Needs a Debian or Ubuntu with apt-get and dpkg, and the package's build. Packages are fetched and unpacked below the
// cache folder (XDG_CACHE_HOME, else ~/.cache), never installed; what is there already is not fetched again. A package
// that the release does not have is passed over and told. Packages are read in the order of the list until there are
// enough passages, so a small number needs few of them.
import { spawnSync } from 'node:child_process';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { seededRandom } from '@gemma-cli/bench-kit';
import { createPassageReader, questionOf, textOfHtml } from '../dist/index.js';

/** Long prose first. Names of Debian 12; another release has other versions in some of them: name those with --packages. */
const documentation = [
  'linux-doc-6.1',
  'python3.11-doc',
  'postgresql-doc-15',
  'debian-reference-en',
  'debian-policy',
  'developers-reference',
  'git-doc',
  'apache2-doc',
  'perl-doc',
  'cmake-doc',
  'sqlite3-doc',
  'krb5-doc',
  'python-django-doc',
  'python-sqlalchemy-doc',
  'qtbase5-doc-html',
  'qtdeclarative5-doc-html',
  'erlang-doc',
  'openjdk-17-doc',
  'racket-doc',
  'libreoffice-help-en-us',
  'gimp-help-en',
  'debian-handbook',
  'installation-guide-amd64',
  'libgtk-4-doc',
  'libgtk-3-doc',
  'libglib2.0-doc',
  'nodejs-doc',
  'llvm-14-doc',
  'clang-14-doc',
  'libboost1.81-doc',
  'ghc-doc',
  'rust-doc',
  'scala-doc',
  'fp-docs-3.2.2',
  'r-doc-html',
  'octave-doc',
  'maxima-doc',
  'sagemath-doc',
  'gap-doc',
  'singular-doc',
  'giac-doc',
  'python-scipy-doc',
  'python-pandas-doc',
  'python-sympy-doc',
  'grass-doc',
  'lilypond-doc-html',
  'neutron-doc',
  'nova-doc',
  'keystone-doc',
  'cinder-doc',
  'twisted-doc',
  'sphinx-doc',
  'petsc3.18-doc',
  'trilinos-doc',
  'gnuradio-doc',
  'libstdc++-12-doc',
  'libx11-doc',
  'swi-prolog-doc',
  'mit-scheme-doc',
  'axiom-doc',
  'cppreference-doc-en-html',
  'wx3.2-doc',
  'python-sklearn-doc',
  'python-statsmodels-doc',
  'python-astropy-doc',
  'imagemagick-6-doc',
  'dpdk-doc',
  'db5.3-doc',
  'derby-doc',
  'groovy-doc',
  'pike8.0-doc',
  'cargo-web-doc',
  'lazarus-doc-2.2',
  'libgtkmm-3.0-doc',
  'libapache-poi-java-doc',
  'libfastutil-java-doc',
  'libjogl2-java-doc',
  'libopenjfx-java-doc',
  'libbiojava-java-doc',
  'libxalan2-java-doc',
  'uima-doc',
  'fop-doc',
  'efl-doc',
  'ogre-1.12-doc',
  'dcmtk-doc',
  'libpcl-doc',
  'libgecode-doc',
  'libcrypto++-doc',
  'casacore-doc',
  'openscenegraph-doc',
  'libsbml5-doc',
  'libace-doc',
  'libcommons-math3-java-doc',
  'libsaxonb-java-doc',
  'libcastor-java-doc',
  'libswingx-java-doc',
  'libaxis-java-doc',
  'libxerces2-java-doc',
  'libxerces-c-doc',
  'gradle-doc',
  'checkstyle-doc',
  'libsvn-doc',
  'heat-doc',
  'libcommons-lang3-java-doc',
  'antlr4-doc',
  'libpdfbox-java-doc',
  'nim-doc',
  'libcamera-doc',
  'dbus-1-doc',
  'libjts-java-doc',
  'python-openstackclient-doc',
  'weechat-doc',
  'buildbot-doc',
  'python-celery-doc',
  'rsyslog-doc',
  'frr-doc',
  'ganeti-doc',
  'xapian-doc',
  'gnustep-base-doc',
  'gnustep-gui-doc',
  'slurm-wlm-doc',
  'openvswitch-doc',
  'libvirt-doc',
  'dar-docs',
  'lirc-doc',
  'fwupd-doc',
  'jython-doc',
  'gsoap-doc',
  'pipewire-doc',
  'tomcat10-docs',
  'abs-guide',
  'ada-reference-manual-2012',
  'libarm-compute-doc',
  'singular-dev-doc',
  'libgtkmm-4.0-doc',
  'libjackson-json-java-doc',
  'liblwjgl-java-doc',
  'libgeos-doc',
  'python-brian-doc',
  'python-rdflib-doc',
  'libxmlada-doc',
  'postgis-doc',
  'python-pytest-doc',
  'libpqxx-doc',
  'qtwebengine5-doc-html',
  'qtlocation5-doc-html',
  'designate-doc',
  'diskimage-builder-doc',
  'slepc3.18-doc',
  'vtk9-doc',
];

/** Passages whose sentences become queries and that nobody searches. */
const heldBack = 2_000;

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'gemma-cli-bench');
const { values } = parseArgs({
  options: {
    passages: { type: 'string', default: '100000' },
    out: { type: 'string', default: join(cache, 'passages') },
    packages: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});
const wanted = Number(values.passages);
const seed = Number(values.seed);
if (!Number.isSafeInteger(wanted) || wanted < 1 || !Number.isSafeInteger(seed)) {
  process.stderr.write(
    `Expected whole numbers after --passages and --seed, got ${values.passages} and ${values.seed}.\n`,
  );
  process.exit(2);
}

const reader = createPassageReader();
const passages = [];
const used = [];
for (const name of values.packages?.split(',') ?? documentation) {
  if (passages.length >= wanted + heldBack) break;
  const unpacked = unpack(name);
  if (unpacked === undefined) continue;
  const before = passages.length;
  for (const file of filesIn(unpacked.folder)) for (const one of reader.read(textOf(file))) passages.push(one);
  used.push(`${name} ${unpacked.version} (${passages.length - before})`);
  process.stderr.write(
    `${name} ${unpacked.version}: ${passages.length - before} passages, ${passages.length} together\n`,
  );
}
const found = passages.length - heldBack;
if (found < 1) {
  process.stderr.write(
    `Expected more than ${heldBack} passages, got ${passages.length}. Run apt-get update, or name packages with --packages.\n`,
  );
  process.exit(1);
}
if (found < wanted) process.stderr.write(`There are ${found} passages, not ${wanted}: name more packages.\n`);

const random = seededRandom(seed);
for (let last = passages.length - 1; last > 0; last -= 1) {
  const other = Math.floor(random() * (last + 1));
  [passages[last], passages[other]] = [passages[other], passages[last]];
}
const queries = [...new Set(passages.slice(0, heldBack).flatMap((passage) => questionOf(passage) ?? []))].slice(
  0,
  1_000,
);
const kept = passages.slice(heldBack, heldBack + wanted);
const words = (text) => text.split(/\s+/).length;

const out = resolve(values.out);
mkdirSync(out, { recursive: true });
await writeLines(join(out, 'passages.txt'), kept);
await writeLines(join(out, 'queries.txt'), queries);
// Written last: where it is, the others are whole.
writeFileSync(
  join(out, 'facts.json'),
  `${JSON.stringify(
    {
      kind: 'real',
      passages: kept.length,
      wordsMean: kept.reduce((sum, passage) => sum + words(passage), 0) / kept.length,
      queries: queries.length,
      queryWordsMean: queries.reduce((sum, query) => sum + words(query), 0) / queries.length,
      seed,
      packages: used,
    },
    null,
    2,
  )}\n`,
);
process.stdout.write(`${kept.length} passages and ${queries.length} queries in ${out}\n`);

/** Fetches and unpacks a package; `undefined` where the release does not have it. */
function unpack(name) {
  const folder = join(cache, 'trees', name);
  const note = join(folder, '.version');
  if (existsSync(note)) return { folder, version: readFileSync(note, 'utf8') };
  const debs = join(cache, 'debs', name);
  mkdirSync(debs, { recursive: true });
  if (!readdirSync(debs).some((file) => file.endsWith('.deb'))) {
    const { status, stderr } = spawnSync('apt-get', ['download', name], { cwd: debs, encoding: 'utf8' });
    if (status !== 0) {
      process.stderr.write(`${name} is passed over: ${(stderr ?? 'no apt-get').trim().split('\n').at(-1)}\n`);
      return undefined;
    }
  }
  const deb = join(
    debs,
    readdirSync(debs).find((file) => file.endsWith('.deb')),
  );
  mkdirSync(folder, { recursive: true });
  const run = (command, ...args) => {
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${stderr}`);
    return stdout.trim();
  };
  run('dpkg', '-x', deb, folder);
  const version = run('dpkg-deb', '-f', deb, 'Version');
  writeFileSync(note, version);
  return { folder, version };
}

/** Pages and plain texts, in an order that does not depend on the file system. Licences and changelogs are everywhere the same. */
function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(x?html?|txt|rst|md|pod|info)(\.gz)?$|\/doc\/[^/]+$/i.test(entry.name))
    .filter((entry) => !/^(changelog|copyright|license|genindex|search|_sources)/i.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.includes('/_sources/'))
    .toSorted();
}

function textOf(file) {
  const bytes = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return /\.x?html?(\.gz)?$/i.test(file) ? textOfHtml(text) : text;
}

async function writeLines(file, lines) {
  const stream = createWriteStream(`${file}.part`);
  for (const line of lines) if (!stream.write(`${line}\n`)) await new Promise((done) => stream.once('drain', done));
  stream.end();
  await finished(stream);
  renameSync(`${file}.part`, file);
}
