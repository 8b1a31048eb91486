import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageNames, root, run, tool } from './tools.mjs';

/**
 * What reads the tree without running it: each with the command that shows the same findings by hand.
 *
 * @returns {{ name: string, by: string, run: () => Promise<{ code: number, output: string, seconds: number }> }[]}
 */
export function staticChecks() {
  return [
    { name: 'lint', by: 'npm run lint', run: capture([...tool('oxlint'), '--type-aware', '--deny-warnings']) },
    { name: 'format', by: 'npm run format', run: capture([...tool('oxfmt'), '--check']) },
    {
      name: 'types of tests',
      by: 'npm run typecheck:tests',
      run: capture([...tool('typescript', 'tsc'), '-p', 'tsconfig.tests.json']),
    },
    {
      name: 'boundaries',
      by: 'npm run boundaries',
      run: capture([
        ...tool('dependency-cruiser', 'depcruise'),
        '--config',
        '.dependency-cruiser.cjs',
        // Named one by one: expanding a pattern would walk the linked packages in every node_modules.
        ...packageNames()
          .flatMap((name) => [`packages/${name}/src`, `packages/${name}/test`])
          .filter((folder) => existsSync(join(root, folder))),
      ]),
    },
    { name: 'dead code', by: 'npm run dead-code', run: capture([...tool('knip', 'knip'), '--no-config-hints']) },
    { name: 'manifests', by: 'npm run manifests', run: capture([...tool('sherif')]) },
  ];
}

/** What a package looks like to those who install it: checked on the packed files. */
export function packageChecks(env) {
  return packageNames()
    .filter((name) => name !== 'testkit')
    .flatMap((name) => {
      const cwd = join(root, 'packages', name);
      return [
        {
          name: `publint ${name}`,
          by: `publint packages/${name} --strict`,
          run: () => run([...tool('publint'), '--strict'], { output: 'capture', env, cwd }),
        },
        {
          name: `types resolve ${name}`,
          by: `attw --pack packages/${name} --profile esm-only`,
          run: () =>
            run([...tool('@arethetypeswrong/cli'), '--pack', '.', '--profile', 'esm-only'], {
              output: 'capture',
              env,
              cwd,
            }),
        },
      ];
    });
}

function capture(commandLine) {
  return () => run(commandLine, { output: 'capture' });
}
