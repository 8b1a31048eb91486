import { fileURLToPath } from 'node:url';
import type { ImplementationName } from '@gemma-cli/contracts';
import type { ImplementationSource } from './resolve.ts';

const importer = fileURLToPath(import.meta.url);

/** The two memories. The only place of the project that names them. */
export const memorySources: Readonly<Record<ImplementationName, ImplementationSource>> = {
  legacy: { specifier: '@gemma-cli/rag', importer, load: () => import('@gemma-cli/rag') },
  optimized: { specifier: '@gemma-cli/rag-optimized', importer, load: () => import('@gemma-cli/rag-optimized') },
};
