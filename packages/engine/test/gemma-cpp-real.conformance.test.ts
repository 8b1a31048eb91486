import { gemmaCppRealConformance } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

gemmaCppRealConformance(
  { name: 'engine (legacy) on a real gemma.cpp', createEngine: create, isWarm: false },
  { env: process.env },
);
