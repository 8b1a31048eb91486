// `npm run test:node24`: the fast tests and with them the conformance suites on Node 24. Expects a built workspace.
import { node24 } from './tools.mjs';
import { fastTestEnvironment, runVitest } from './vitest-run.mjs';

const { code } = await runVitest('node24', ['--project=fast:*', '--project=!fast:workspace'], {
  env: fastTestEnvironment(),
  node: node24(),
});
process.exitCode = code;
