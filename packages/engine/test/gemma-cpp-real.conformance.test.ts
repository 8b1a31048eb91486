import { gemmaCppRealConformance } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

gemmaCppRealConformance(
  { name: 'engine (legacy) on a real gemma.cpp', createEngine: create, isWarm: false },
  // oxlint-disable-next-line node/no-process-env -- where a gemma.cpp is, only the environment tells
  { env: process.env },
);
