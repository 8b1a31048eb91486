// `npm test`: installs, builds, and runs every check and test. Goes on after a failure, so that one run tells all of it;
// only what a failed installation or build makes senseless is left out. A check counts as one.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageChecks, staticChecks } from './checks.mjs';
import { duration, environmentWithPnpm, node24, node24Version, root, run } from './tools.mjs';
import { fastTestEnvironment, node24Projects, runVitest } from './vitest-run.mjs';

const total = { passed: 0, failed: 0, skipped: 0 };
/** Projects of slow tests that nothing else may run beside. */
const alone = ['slow:cli', 'slow:bench', 'slow:bench-kit'];
/** Milliseconds of test time by package, all kinds together. */
const msByPackage = new Map();
const failures = [];
const skips = [];

heading('installation');
const env = pnpmOnPath();
const installed =
  env !== undefined && (await step('install', ['pnpm', 'install', '--frozen-lockfile', '--prefer-offline']));
const built =
  installed && (await step('build', ['pnpm', 'exec', 'turbo', 'run', 'build', '--output-logs=errors-only']));

if (built) {
  heading('checks');
  for (const check of staticChecks()) await runCheck(check);

  heading('test models');
  await step('test models', [process.execPath, join('scripts', 'fetch-test-models.mjs')]);

  const fast = fastTestEnvironment(env);
  // Together, because coverage is counted over both.
  await tests('fast and conformance', ['--project=fast:*', '--project=conformance:*', '--coverage'], {
    env: fast,
    minutesMax: 15,
  });
  // These pack, install and kill processes.
  await tests('slow', slowSideBySide(), { env, minutesMax: 30 });
  // These type at terminals, compare times, or keep a model busy: side by side they would starve each other.
  await tests('slow alone', [...alone.map((name) => `--project=${name}`), '--no-file-parallelism'], {
    env,
    minutesMax: 15,
  });
  await tests('real', ['--project=real:*', '--no-file-parallelism'], { env, minutesMax: 30 });

  heading('packages as installed');
  for (const check of packageChecks(env)) await runCheck(check);

  await testsOnNode24(fast);
}

heading('summary');
for (const skip of skips) console.log(`skipped: ${skip}`);
for (const [name, ms] of [...msByPackage].toSorted((a, b) => b[1] - a[1])) {
  console.log(`${(ms / 60_000).toFixed(2).padStart(6)} min  ${name}`);
}
for (const failure of failures) console.log(`failed: ${failure}`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;

/** The environment for everything below; without pnpm nothing can be installed. */
function pnpmOnPath() {
  try {
    return environmentWithPnpm();
  } catch (error) {
    note(`pnpm by npx: ${error.message}`, 1, 0);
    return undefined;
  }
}

function heading(text) {
  console.log(`\n== ${text}`);
}

/** A step that the rest needs; its output is shown as it comes. */
async function step(name, commandLine) {
  const { code, seconds } = await run(commandLine, { env });
  return note(name, code, seconds);
}

/** The slow tests of every project but those that run alone; vitest adds projects up, and cannot leave one out of them. */
function slowSideBySide() {
  return [...readdirSync(join(root, 'packages')), 'workspace']
    .map((name) => `slow:${name}`)
    .filter((name) => !alone.includes(name))
    .map((name) => `--project=${name}`);
}

/** A check; its output is shown when it fails. */
async function runCheck(check) {
  const { code, output, seconds } = await check.run();
  if (code !== 0) console.log(output.trimEnd());
  note(check.name, code, seconds, check.by);
}

function note(name, code, seconds, by) {
  const hint = code === 0 || by === undefined ? '' : ` (${by})`;
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} ${duration(seconds)}${hint}`);
  if (code === 0) total.passed += 1;
  else {
    total.failed += 1;
    failures.push(`${name}${hint}`);
  }
  return code === 0;
}

/** Runs a kind of tests and adds its counts, under the package's name, to the totals. */
async function tests(label, args, options) {
  heading(`${label} tests`);
  const result = await runVitest(label, args, options);
  let counted = 0;
  for (const [project, counts] of Object.entries(result.projects)) {
    const name = project.slice(project.indexOf(':') + 1);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
    counted += counts.failed;
    skips.push(...counts.skips);
    if (counts.failed > 0) failures.push(`${counts.failed} of ${label}:${name}`);
    msByPackage.set(name, (msByPackage.get(name) ?? 0) + counts.ms);
  }
  // Coverage below its threshold, an error outside any test, or a run that died.
  if (result.code !== 0 && counted === 0) {
    total.failed += 1;
    failures.push(`${label} tests ended with code ${result.code} (coverage, or an error outside the tests: see above)`);
  }
  // A run that found no test, or could not say what it found, has shown nothing.
  else if (Object.keys(result.projects).length === 0 || result.unhandledErrors > 0) {
    total.failed += 1;
    failures.push(`${label} tests ended with code 0 and without counts that can be believed`);
  }
  console.log(`${result.code === 0 ? 'ok  ' : 'FAIL'} ${label} tests ${duration(result.seconds)}`);
}

async function testsOnNode24(fastEnv) {
  let node;
  try {
    node = node24();
  } catch (error) {
    note(`Node ${node24Version} by npx: ${error.message}`, 1, 0);
    return;
  }
  await tests('node24', node24Projects, { env: fastEnv, node, minutesMax: 15 });
}
