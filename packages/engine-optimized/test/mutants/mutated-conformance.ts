import { engineConformance, engineFaultConformance } from '@gemma-cli/testkit';
import type { EngineSubject } from '@gemma-cli/testkit';
import { createMutated } from './mutated-engine.ts';

const name = process.env['GEMMA_MUTANT'] ?? 'none';
const subject: EngineSubject = { name, createEngine: (options) => createMutated(name, options) };

engineConformance(subject);
engineFaultConformance(subject);
