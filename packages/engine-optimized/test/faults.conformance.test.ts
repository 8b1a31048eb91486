import { engineFaultConformance } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

engineFaultConformance({ name: 'engine-optimized', createEngine: create });
