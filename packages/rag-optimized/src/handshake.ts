import { contractVersions } from '@gemma-cli/contracts';
import type { ImplementationHandshake } from '@gemma-cli/contracts';

/** What this package implements, for the resolver. */
export const handshake: ImplementationHandshake = {
  contract: 'memory',
  contractVersion: contractVersions.memory,
  implementation: 'optimized',
  package: '@gemma-cli/rag-optimized',
  version: '0.1.0',
};
