import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { embedderRealConformance, realModel } from '@gemma-cli/testkit';
import { createEmbedder, createReranker } from '../src/index.ts';

embedderRealConformance({
  name: 'embedder (optimized)',
  createEmbedder,
  createReranker,
  keepsProcess: true,
  embeddingModel: fileURLToPath(new URL('../../../../shared/data/models/all-minilm-l6-v2-q8_0.gguf', import.meta.url)),
  chatModel: realModel('smollm2:135m', { env: process.env, home: homedir() }),
});
