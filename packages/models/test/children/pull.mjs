// Pulls argv[3] into the store argv[2] and prints each event as a JSON line. SIGINT stops it the polite way.
import { createModelStore } from '../../dist/index.js';

const [, , folder, reference] = process.argv;
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
const store = createModelStore({ folder, connectMsMax: 5_000, stallMsMax: 60_000, retryMs: 10 });
try {
  for await (const event of store.pull(reference, { signal: stop.signal })) {
    process.stdout.write(`${JSON.stringify(event)}\n`);
  }
} catch (error) {
  process.stdout.write(`${JSON.stringify({ type: 'error', code: error.code })}\n`);
  process.exitCode = error.exitCode ?? 1;
}
