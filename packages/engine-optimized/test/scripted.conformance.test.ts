import { engineConformance } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

engineConformance({ name: 'engine-optimized', createEngine: create });
