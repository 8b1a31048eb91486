import { gemmaCppRealConformance } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

gemmaCppRealConformance(
  { name: 'engine-optimized on a real gemma.cpp', createEngine: create, isWarm: true },
  { env: process.env },
);
