import { engineConformance } from '@gemma-cli/testkit';
import { createOnQuietMachine } from './quiet-machine.ts';

engineConformance({ name: 'engine-optimized', createEngine: createOnQuietMachine });
