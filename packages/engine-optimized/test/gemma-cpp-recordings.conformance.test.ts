import { gemmaCppRecordingConformance } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

gemmaCppRecordingConformance({
  name: 'engine-optimized on recorded runs of gemma.cpp',
  createEngine: create,
  isWarm: true,
});
