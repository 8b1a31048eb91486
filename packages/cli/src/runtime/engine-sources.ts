import { fileURLToPath } from 'node:url';
import type { ImplementationName } from '@gemma-cli/contracts';
import type { ImplementationSource } from './resolve.ts';

const importer = fileURLToPath(import.meta.url);

/** The two engines. The only place of the project that names them. */
export const engineSources: Readonly<Record<ImplementationName, ImplementationSource>> = {
  legacy: { specifier: '@gemma-cli/engine', importer, load: () => import('@gemma-cli/engine') },
  optimized: {
    specifier: '@gemma-cli/engine-optimized',
    importer,
    load: () => import('@gemma-cli/engine-optimized'),
  },
};
