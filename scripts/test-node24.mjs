// `npm run test:node24`: the fast tests and the conformance suites on Node 24. Expects a built workspace.
import { node24 } from './tools.mjs';
import { fastTestEnvironment, node24Projects, runVitest } from './vitest-run.mjs';

const { code } = await runVitest('node24', node24Projects, {
  env: fastTestEnvironment(),
  node: node24(),
});
process.exitCode = code;
