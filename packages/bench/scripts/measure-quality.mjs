// Runs `gemma-bench quality` over collections and modes, one process each, and keeps what it printed in one file for
// docs/benchmarks.md, with the commit and the date.
//
//   node packages/bench/scripts/measure-quality.mjs [--out FILE] [--modes lexical,dense,hybrid]
//        [--implementations optimized,legacy] [--embedding-model FILE] [--stores DIR] DIR…
//
// Legacy must give the very figures of optimized: a difference ends it. `--stores` keeps a store for each collection, so
// that vectors are computed once.
import { spawnSync } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gitIn, readMachineFacts } from '@gemma-cli/bench-kit';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string' },
    modes: { type: 'string', default: 'lexical' },
    implementations: { type: 'string', default: 'optimized' },
    'embedding-model': { type: 'string' },
    stores: { type: 'string' },
  },
});
if (positionals.length === 0) {
  process.stderr.write('Expected folders of collections, got none.\n');
  process.exit(2);
}

const startedAt = new Date().toISOString();
const machine = await readMachineFacts({ runGit: gitIn(fileURLToPath(new URL('..', import.meta.url))) });
const results = [];
for (const folder of positionals) {
  for (const mode of values.modes.split(',')) {
    for (const implementation of values.implementations.split(',')) {
      const result = measure(folder, mode, implementation);
      const twin = results.find((one) => one.collection.name === result.collection.name && one.mode === mode);
      if (twin !== undefined && JSON.stringify(twin.figures) !== JSON.stringify(result.figures)) {
        process.stderr.write(
          `${result.collection.name}, ${mode}: ${implementation} and ${twin.implementation} differ.\n`,
        );
        process.exit(1);
      }
      results.push(result);
      const { ndcg10, recall100, mrr10 } = result.figures;
      process.stdout.write(
        `${result.collection.name.padEnd(16)} ${mode.padEnd(8)} ${implementation.padEnd(10)} nDCG@10 ${ndcg10.toFixed(4)}  Recall@100 ${recall100.toFixed(4)}  MRR@10 ${mrr10.toFixed(4)}\n`,
      );
    }
  }
}
if (values.out !== undefined) {
  const out = resolve(values.out);
  const record = {
    format: 'gemma-quality-results',
    version: 1,
    startedAt,
    endedAt: new Date().toISOString(),
    machine,
    results,
  };
  writeFileSync(`${out}.part`, `${JSON.stringify(record, null, 1)}\n`);
  renameSync(`${out}.part`, out);
}

function measure(folder, mode, implementation) {
  const model = values['embedding-model'];
  const args = [
    'quality',
    '--json',
    `--collection=${folder}`,
    `--mode=${mode}`,
    `--implementation=${implementation}`,
    ...(model === undefined ? [] : ['--embedding-model', model]),
    ...(values.stores === undefined ? [] : ['--store', join(resolve(values.stores), basename(resolve(folder)))]),
  ];
  const { status, stdout } = spawnSync(process.execPath, [bin, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) process.exit(status ?? 1);
  return JSON.parse(stdout);
}
