import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StringDecoder } from 'node:string_decoder';
import { median, quantile, reportSample } from '@gemma-cli/bench-kit';
import { readOrders } from './open-engine.ts';
import { anonBytesOf, residentBytesOf } from './process-memory.ts';
import { searchMetrics } from './search-metrics.ts';
import { openPeer } from './search-peers.ts';
import type { SearchPeerName } from './search-peers.ts';

/** What one run is to do. Paths are absolute. */
export interface SearchOrders {
  readonly peer: SearchPeerName;
  /** A passage a line. */
  readonly passages: string;
  /** How many of them, from the first on. */
  readonly count: number;
  /** A query a line. */
  readonly queries: string;
  /** How many of them after the first ones. */
  readonly queryCount: number;
  /** No new query is begun after so long: the slow ones answer fewer. */
  readonly searchMsMax: number;
  /** A build that takes longer is given up, and no figure is known then. Default: it takes as long as it takes. */
  readonly buildMsMax?: number;
}

/** Queries that are told apart: the compiler has not seen the code yet. */
const firstQueries = 20;

/** A word that no passage has: its answer tells that the index is open. */
const absentWord = 'qzxvkwj';

const orders = readOrders() as SearchOrders;
const [, , , phase, folderToFill] = process.argv;
if (phase === 'build' && folderToFill !== undefined) await build(folderToFill);
else await measure();

/** In a process of its own, so that nothing of it is in the memory of the one that searches. */
async function build(folder: string): Promise<void> {
  const peer = await openPeer(orders.peer);
  const passages = readLines(orders.passages, orders.count);
  if (passages.length < orders.count) throw new Error(`Expected ${orders.count} passages, got ${passages.length}.`);
  await peer.prepare?.(folder, passages);
  const before = process.cpuUsage();
  await peer.build(folder, passages);
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(JSON.stringify({ cpuS: (user + system) / 1e6 }));
}

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'gemma-search-'));
  try {
    const argv = [...process.execArgv.filter((arg) => arg.startsWith('--max-old')), fileURLToPath(import.meta.url)];
    const child = spawnSync(process.execPath, [...argv, process.argv[2] ?? '', 'build', folder], {
      encoding: 'utf8',
      maxBuffer: 1 << 20,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(orders.buildMsMax === undefined ? {} : { timeout: orders.buildMsMax, killSignal: 'SIGKILL' as const }),
    });
    if (child.error !== undefined && child.signal === 'SIGKILL') {
      const { implementation } = await openPeer(orders.peer);
      for (const [metric] of searchMetrics) reportSample({ metric, value: null, implementation });
      process.stderr.write(`${orders.peer} did not build its index within ${orders.buildMsMax} ms.\n`);
      return;
    }
    if (child.status !== 0) throw new Error(`Building ended with ${child.status ?? child.signal}: ${child.stderr}`);
    const { cpuS } = JSON.parse(child.stdout) as { readonly cpuS: number };
    const peer = await openPeer(orders.peer);
    const queries = readLines(orders.queries, firstQueries + orders.queryCount);
    const report = (metric: string, value: number | null): void =>
      reportSample({ metric, value, implementation: peer.implementation });
    const diskBytes = bytesIn(folder);
    report('buildCpuS', cpuS);
    report('diskMiB', diskBytes / 2 ** 20);

    const anonBefore = anonBytesOf(process.pid);
    const residentBefore = residentBytesOf(process.pid);
    const openedAt = performance.now();
    const index = await peer.open(folder);
    try {
      await index.search(absentWord);
      report('reopenMs', performance.now() - openedAt);
      report('openAnonMiB', addedMiB(anonBefore, anonBytesOf(process.pid)));
      const once = await ask((query) => index.search(query), queries, orders.searchMsMax);
      if (once.hits === 0) throw new Error('No query found anything.');
      const first = once.cpuMs.slice(0, firstQueries);
      const later = once.cpuMs.slice(firstQueries);
      report('queriedAnonMiB', addedMiB(anonBefore, anonBytesOf(process.pid)));
      report('queriedRssMiB', addedMiB(residentBefore, residentBytesOf(process.pid)));
      report('firstCpuMsP50', median(first));
      report('firstCpuMsMax', Math.max(...first));
      report('cpuMsP50', median(later));
      report('cpuMsP99', quantile(later, 0.99));
      // Whoever was too slow for all queries once is not asked them again.
      const again =
        once.cpuMs.length < queries.length
          ? undefined
          : await ask((query) => index.search(query), queries, orders.searchMsMax);
      report('againCpuMsP50', again === undefined ? null : median(again.cpuMs));
      report('againCpuMsP99', again === undefined ? null : quantile(again.cpuMs, 0.99));
      report('queries', later.length);
      report('hitsPerQuery', once.hits / once.cpuMs.length);
      report('indexBytesPerPassage', ((await index.indexBytes?.()) ?? diskBytes) / orders.count);
    } finally {
      await index.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Asks one query after the other, those after the first ones as long as there is time. */
async function ask(
  search: (query: string) => number | Promise<number>,
  queries: readonly string[],
  msMax: number,
): Promise<{ readonly hits: number; readonly cpuMs: readonly number[] }> {
  let hits = 0;
  const cpuMs: number[] = [];
  const startedAt = performance.now();
  for (const query of queries) {
    const { user, system } = process.cpuUsage();
    const found = await search(query);
    const after = process.cpuUsage();
    cpuMs.push((after.user + after.system - user - system) / 1000);
    hits += found;
    if (performance.now() - startedAt > msMax && cpuMs.length > firstQueries) break;
  }
  return { hits, cpuMs };
}

function addedMiB(before: number | null, after: number | null): number | null {
  return before === null || after === null ? null : (after - before) / 2 ** 20;
}

function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** The first lines of a file that may be larger than a string can be. */
function readLines(file: string, count: number): readonly string[] {
  const bytes = Buffer.alloc(1 << 20);
  const decoder = new StringDecoder('utf8');
  const lines: string[] = [];
  const descriptor = openSync(file, 'r');
  try {
    let rest = '';
    while (lines.length < count) {
      const size = readSync(descriptor, bytes, 0, bytes.length, null);
      const pieces = (rest + (size === 0 ? decoder.end() : decoder.write(bytes.subarray(0, size)))).split('\n');
      rest = size === 0 ? '' : (pieces.pop() ?? '');
      for (const piece of pieces) if (piece !== '' && lines.length < count) lines.push(piece);
      if (size === 0) break;
    }
  } finally {
    closeSync(descriptor);
  }
  return lines;
}
