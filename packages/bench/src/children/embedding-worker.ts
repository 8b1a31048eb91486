import { median, reportSample } from '@gemma-cli/bench-kit';
import type { Embedder, EmbedderOptions, ImplementationName } from '@gemma-cli/contracts';
import { inspectModelFile } from '@gemma-cli/models';
import { readOrders } from './open-engine.ts';
import type { EngineOrders } from './open-engine.ts';
import { logbook } from './texts.ts';

/** What one run is to do. */
export interface EmbeddingOrders extends EngineOrders {
  /** Passages of about 120 tokens in one call. */
  readonly passages: number;
  /** Questions, one call each. */
  readonly queries: number;
}

const modules: Readonly<
  Record<ImplementationName, () => Promise<{ createEmbedder(options: EmbedderOptions): Promise<Embedder> }>>
> = {
  legacy: () => import('@gemma-cli/engine'),
  optimized: () => import('@gemma-cli/engine-optimized'),
};

const orders = readOrders() as EmbeddingOrders;
const implementation = orders.engine;
const { createEmbedder } = await modules[implementation]();
const startedAt = performance.now();
const embedder = await createEmbedder({
  model: { path: orders.model },
  checkModel: inspectModelFile,
  threads: orders.threads,
});
try {
  const report = (metric: string, value: number): void => reportSample({ metric, value, implementation });
  report('createMs', performance.now() - startedAt);
  const passages = Array.from({ length: orders.passages }, (_, place) => logbook(`Book ${place}`, 120));
  const passagesAt = performance.now();
  const vectors = await embedder.embed(passages);
  report('passagesPerSecond', (vectors.length * 1000) / (performance.now() - passagesAt));
  const queryMs: number[] = [];
  for (let query = 0; query < orders.queries; query += 1) {
    const queryAt = performance.now();
    await embedder.embed([`How many ships did the keeper see on day ${query}?`], { kind: 'query' });
    queryMs.push(performance.now() - queryAt);
  }
  report('queryMs', median(queryMs));
} finally {
  await embedder.close();
}
