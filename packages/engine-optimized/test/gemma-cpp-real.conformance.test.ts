import { gemmaCppRealConformance } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

gemmaCppRealConformance(
  { name: 'engine-optimized on a real gemma.cpp', createEngine: create, isWarm: true },
  // oxlint-disable-next-line node/no-process-env -- where a gemma.cpp is, only the environment tells
  { env: process.env },
);
