import { embedderConformance } from '@gemma-cli/testkit';
import { createEmbedder, createReranker } from '../src/index.ts';

embedderConformance({ name: 'embedder (legacy)', createEmbedder, createReranker, keepsProcess: false });
