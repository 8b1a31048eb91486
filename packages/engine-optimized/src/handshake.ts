import { contractVersions } from '@gemma-cli/contracts';
import type { ImplementationHandshake } from '@gemma-cli/contracts';

/** What this package implements, for the resolver. */
export const handshake: ImplementationHandshake = {
  contract: 'engine',
  contractVersion: contractVersions.engine,
  implementation: 'optimized',
  package: '@gemma-cli/engine-optimized',
  version: '0.1.0',
};
