import { engineConformance, engineFaultConformance } from '@gemma-cli/testkit';
import type { EngineSubject } from '@gemma-cli/testkit';
import { createMutated } from './mutated-engine.ts';
import { mutants } from './mutants.ts';

// Every promise for every mutant is declared; the one who starts this picks by title which are run.
for (const mutant of ['none', ...Object.keys(mutants)]) {
  const subject: EngineSubject = {
    name: `an engine that ${mutant}:`,
    createEngine: (options) => createMutated(mutant, options),
  };
  engineConformance(subject);
  engineFaultConformance(subject);
}
