import { engineFaultConformance } from '@gemma-cli/testkit';
import { createOnQuietMachine } from './quiet-machine.ts';

engineFaultConformance({ name: 'engine-optimized', createEngine: createOnQuietMachine });
