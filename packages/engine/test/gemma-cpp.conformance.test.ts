import { gemmaCppConformance } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

gemmaCppConformance({ name: 'engine (legacy) on gemma.cpp', createEngine: create, isWarm: false });
