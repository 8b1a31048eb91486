// `npm run check`: the inner loop, under a minute. Builds what changed, reads the whole tree, runs the fast tests.
// Expects an installed workspace (`npm start` or `npm test` installs).
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { staticChecks } from './checks.mjs';
import { duration, root, run, tool } from './tools.mjs';
import { fastTestEnvironment, runVitest } from './vitest-run.mjs';

if (!existsSync(join(root, 'node_modules', 'vitest'))) {
  console.error('The workspace is not installed. Run `npm start` or `npm test` once.');
  process.exit(1);
}

const started = performance.now();
const build = await run([...tool('typescript', 'tsc'), '-b']);
console.log(`${build.code === 0 ? 'ok  ' : 'FAIL'} build ${duration(build.seconds)}`);

let failed = build.code === 0 ? 0 : 1;
// Two at a time: one alone leaves a core idle while it waits for files.
const waiting = staticChecks();
await Promise.all([checkNext(), checkNext()]);

// The runner of the tests would only repeat what the compiler has said.
if (build.code === 0) {
  // Files share a process, so that each module is read once; `npm test` gives each file its own.
  const tests = await runVitest('check', ['--project=fast:*', '--no-isolate'], { env: fastTestEnvironment() });
  if (tests.code !== 0) failed += 1;
  console.log(`${tests.code === 0 ? 'ok  ' : 'FAIL'} fast tests ${duration(tests.seconds)}`);
}

console.log(
  `${failed === 0 ? 'All well' : `${failed} failed`} after ${duration((performance.now() - started) / 1000)}`,
);
process.exitCode = failed === 0 ? 0 : 1;

async function checkNext() {
  for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
    const { code, output, seconds } = await check.run();
    if (code !== 0) {
      failed += 1;
      console.log(output.trimEnd());
    }
    console.log(
      `${code === 0 ? 'ok  ' : 'FAIL'} ${check.name} ${duration(seconds)}${code === 0 ? '' : ` (${check.by})`}`,
    );
  }
}
