import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * A vitest reporter that sums results and time per project into the file named by GEMMA_TEST_COUNTS, for `npm test` to add
 * up. Without that variable it does nothing.
 */
export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const file = process.env.GEMMA_TEST_COUNTS;
    if (file === undefined) return;
    const projects = {};
    for (const module of modules) {
      const sums = (projects[module.project.name] ??= { passed: 0, failed: 0, skipped: 0, ms: 0, skips: [] });
      const { duration, setupDuration, collectDuration, prepareDuration, environmentSetupDuration } =
        module.diagnostic();
      sums.ms += duration + setupDuration + collectDuration + prepareDuration + environmentSetupDuration;
      // A file that cannot be loaded, or a suite whose hook failed, has no failed test to count.
      const brokenSuites = [module, ...module.children.allSuites()].filter((suite) => suite.errors().length > 0);
      sums.failed += brokenSuites.length;
      for (const test of module.children.allTests()) {
        const { state, note } = test.result();
        if (state === 'passed' || state === 'failed') {
          sums[state] += 1;
          continue;
        }
        sums.skipped += 1;
        sums.skips.push(`${module.project.name}: ${test.fullName}${note === undefined ? '' : ` (${note})`}`);
      }
    }
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify({ projects, unhandledErrors: unhandledErrors.length }));
  }
}
