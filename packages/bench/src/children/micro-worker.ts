import { pathToFileURL } from 'node:url';
import { reportSample } from '@gemma-cli/bench-kit';
import { createUtf8Stream } from '@gemma-cli/model-process';
import { Bench } from 'tinybench';

/** What one run is to do; its only argument, as JSON. */
export type MicroOrders =
  | { readonly piece: 'utf8-stream' | 'utf8-text-decoder' | 'text-unchanged' }
  /** `module`: absolute path of the module that holds the piece. */
  | { readonly piece: 'terminal-sanitizer'; readonly module: string }
  | { readonly piece: 'model-header'; readonly model: string };

/** An answer as a model streams it: 400 pieces of a few bytes, one character in eight longer than one byte. */
const text = Array.from({ length: 400 }, (_, index) => (index % 8 === 0 ? ' größer→' : ' word')).join('');
const bytes = Buffer.from(text);
const byteChunks = Array.from({ length: Math.ceil(bytes.length / 5) }, (_, index) =>
  bytes.subarray(index * 5, index * 5 + 5),
);
const textChunks = text.match(/.{1,5}/gsu) ?? [];

const orders = JSON.parse(process.argv[2] ?? '') as MicroOrders;
const bench = new Bench({ name: orders.piece, time: 1000, warmupTime: 200 });
bench.add(orders.piece, await work(orders));
await bench.run();

const result = bench.tasks[0]?.result;
// A task that threw has a result too; a figure from it would be a figure of nothing.
if (result?.state !== 'completed')
  throw new Error(`${orders.piece} ended in the state ${result?.state}.`, { cause: result });
process.stdout.write(`${orders.piece}: ${result.state}, ${result.latency.samplesCount} samples\n`);
reportSample({ metric: 'callUs', value: result.latency.p50 * 1000 });
reportSample({ metric: 'calls', value: result.latency.samplesCount });

async function work(orders: MicroOrders): Promise<() => unknown> {
  switch (orders.piece) {
    case 'utf8-stream':
      return () => {
        const stream = createUtf8Stream();
        return expectText(byteChunks.map((chunk) => stream.write(chunk)).join('') + stream.end());
      };
    case 'utf8-text-decoder':
      return () => {
        const decoder = new TextDecoder();
        return expectText(
          byteChunks.map((chunk) => decoder.decode(chunk, { stream: true })).join('') + decoder.decode(),
        );
      };
    case 'text-unchanged':
      return () => expectText(textChunks.map((chunk) => chunk).join(''));
    case 'terminal-sanitizer': {
      const { createTerminalSanitizer } = (await import(pathToFileURL(orders.module).href)) as {
        createTerminalSanitizer(): { write(chunk: string): string; end(): string };
      };
      return () => {
        const sanitizer = createTerminalSanitizer();
        return expectText(textChunks.map((chunk) => sanitizer.write(chunk)).join('') + sanitizer.end());
      };
    }
    case 'model-header': {
      const { inspectModelFile } = await import('@gemma-cli/models');
      return () => inspectModelFile(orders.model);
    }
  }
}

/** Every piece must give the answer back: a quick one that loses text is none. */
function expectText(got: string): string {
  if (got !== text) throw new Error('The piece changed the text.');
  return got;
}
