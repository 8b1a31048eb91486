// Opens the memory of a folder and makes its vectors, a batch at a time, each told on stdout before it is kept. Behind so
// many batches it waits to be killed.
//
//   node embedding-child.mjs FOLDER BATCHES
import { setTimeout as sleep } from 'node:timers/promises';
import { create } from '../dist/index.js';

const [, , folder, batchesMax] = process.argv;
let batches = 0;
const close = async () => undefined;
const store = await create({
  folder,
  embedInBackground: false,
  embedder: {
    embedId: 'child',
    dimensions: 2,
    async embed(texts) {
      process.stdout.write(`${texts.length}\n`);
      await sleep(++batches > Number(batchesMax) ? 600_000 : 20);
      return texts.map((text) => Float32Array.of(Math.cos(text.length), Math.sin(text.length)));
    },
    close,
    [Symbol.asyncDispose]: close,
  },
});
await store.flush();
await store.close();
process.stdout.write('done\n');
