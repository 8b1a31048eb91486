// `npm run test:long [NAME…]`: what `npm test` draws a few cases of, in its long form: kill points of processes and disks,
// flipped bits, other courses of events. Expects a built workspace; takes hours. `GEMMA_TEST_SEED` gives other cases.
import { duration } from './tools.mjs';
import { runVitest } from './vitest-run.mjs';

/** Name, what it runs, and how many cases it is told to draw. */
const forms = [
  { name: 'crashes', args: ['--project=slow:rag-optimized', 'crashes'], env: { GEMMA_TEST_CRASHES: '2400' } },
  {
    name: 'relaxed',
    args: ['--project=slow:rag', '--project=slow:rag-optimized', 'relaxed'],
    env: { GEMMA_TEST_RUNS: '50' },
  },
  { name: 'flips', args: ['--project=slow:rag-optimized', 'flips'], env: { GEMMA_TEST_FLIPS: '1000' } },
  {
    name: 'index-flips',
    args: ['--project=conformance:rag-optimized', 'index-damage'],
    env: { GEMMA_TEST_FLIPS: '1000' },
  },
  { name: 'record-flips', args: ['--project=slow:record', 'bit-flips'], env: { GEMMA_TEST_RUNS: '1000' } },
  { name: 'processes', args: ['--project=slow:record', 'processes'], env: { GEMMA_TEST_RUNS: '100' } },
  {
    name: 'differential',
    args: ['--project=conformance:rag-optimized', 'differential'],
    env: { GEMMA_TEST_RUNS: '100' },
  },
  {
    name: 'fuzz',
    args: ['--project=conformance:rag-core', '--project=conformance:record', 'fuzz'],
    env: { GEMMA_TEST_FUZZ: '1000000' },
  },
  {
    name: 'fuzz-files',
    args: ['--project=conformance:rag', '--project=conformance:rag-optimized', 'fuzz'],
    env: { GEMMA_TEST_FUZZ: '100000' },
  },
  { name: 'gate', args: ['--project=real:app', 'relevance-gate'], env: { GEMMA_TEST_GATE: '1' } },
  { name: 'stems', args: ['--project=fast:rag-core', 'plain-porter2'], env: { GEMMA_TEST_WORDS: '1000000' } },
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !forms.some((form) => form.name === name));
if (unknown.length > 0) {
  process.stderr.write(`Expected some of ${forms.map(({ name }) => name).join(', ')}; got ${unknown.join(', ')}.\n`);
  process.exit(2);
}
const told = [];
for (const { name, args, env } of forms.filter((form) => wanted.length === 0 || wanted.includes(form.name))) {
  const { code, seconds } = await runVitest(`long ${name}`, [...args, '--testTimeout=0'], {
    // Fewer cases than it draws by itself are drawn where the environment says so.
    env: { ...env, ...process.env },
  });
  told.push(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} ${duration(seconds)}`);
  if (code !== 0) process.exitCode = 1;
}
process.stdout.write(`${told.join('\n')}\n`);
