import { embedderConformance } from '@gemma-cli/testkit';
import { createEmbedder, createReranker } from '../src/index.ts';

embedderConformance({ name: 'embedder (optimized)', createEmbedder, createReranker, keepsProcess: true });
