// The arrows of docs/architecture.md, as rules. `packages/<name>` stands for both a package's own files and, once built,
// what its exports point at: workspace packages resolve to packages/<name>/dist.
// A planted arrow must turn this red: test/boundaries.slow.test.ts plants one for every rule that forbids.

/** What each package may import at run time, itself always included. */
const allowed = {
  contracts: [],
  testkit: ['contracts'],
  'bench-kit': ['contracts'],
  config: ['contracts'],
  models: ['contracts'],
  'model-process': ['contracts'],
  engine: ['contracts', 'model-process'],
  'engine-optimized': ['contracts', 'model-process'],
  'rag-core': ['contracts'],
  record: ['contracts', 'rag-core'],
  rag: ['contracts', 'rag-core', 'record'],
  'rag-optimized': ['contracts', 'rag-core', 'record'],
  ingest: ['contracts'],
  app: ['contracts', 'ingest', 'rag-core'],
  cli: [
    'app',
    'config',
    'contracts',
    'engine',
    'engine-optimized',
    'ingest',
    'model-process',
    'models',
    'rag',
    'rag-core',
    'rag-optimized',
    'record',
  ],
  bench: [
    'app',
    'bench-kit',
    'cli',
    'config',
    'contracts',
    'engine',
    'engine-optimized',
    'ingest',
    'model-process',
    'models',
    'rag',
    'rag-core',
    'rag-optimized',
    'record',
  ],
};

/** The packages that implement a contract: only the resolver in the command names them, by dynamic import. */
const implementations = 'engine|engine-optimized|rag|rag-optimized';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment:
        'Inside a package import the defining file; index.ts is for outsiders. Types, and what loads later, may close a circle.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only', 'dynamic-import'] } },
    },
    ...Object.entries(allowed).map(([name, others]) => ({
      name: `arrows-of-${name}`,
      comment: `${name} imports nothing of the workspace but: ${others.join(', ') || 'nothing'}.`,
      severity: 'error',
      from: { path: `^packages/${name}/src/` },
      to: { path: '^packages/', pathNot: `^packages/(${[name, ...others].join('|')})/` },
    })),
    {
      name: 'unknown-package',
      comment: 'A new package needs a row in the table above and in docs/architecture.md.',
      severity: 'error',
      from: { path: '^packages/', pathNot: `^packages/(${Object.keys(allowed).join('|')})/` },
      to: {},
    },
    {
      name: 'implementations-only-by-dynamic-import',
      comment: 'A static import would make the fallback impossible and the start slow.',
      severity: 'error',
      from: { path: '^packages/(app|cli)/src/' },
      to: { path: `^packages/(${implementations})/`, dependencyTypesNot: ['dynamic-import'] },
    },
    {
      name: 'implementations-only-from-the-resolver',
      comment: 'packages/cli/src/runtime is the only place that names implementations.',
      severity: 'error',
      from: { path: '^packages/(app|cli)/src/', pathNot: '^packages/cli/src/runtime/' },
      to: { path: `^packages/(${implementations})/` },
    },
    {
      name: 'no-test-tools-at-run-time',
      comment: 'testkit is never a runtime dependency; bench-kit only of the benchmarks.',
      severity: 'error',
      from: { path: '^packages/(?!testkit/|bench-kit/|bench/)[^/]+/src/' },
      to: { path: '^packages/(testkit|bench-kit)/' },
    },
    {
      name: 'no-import-past-exports',
      comment: 'Another package is reached by its name, never by a path into its folder.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/[^/]+/(src|test)/', pathNot: '^packages/$1/' },
    },
    {
      name: 'no-path-into-a-build',
      comment: 'Not by a path into its dist either: that passes by the exports map.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/[^/]+/dist/', pathNot: '^packages/$1/', dependencyTypes: ['local'] },
    },
    {
      name: 'no-src-to-test',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: { path: '(^|/)test/' },
    },
    {
      name: 'not-to-unresolvable',
      comment: 'An import that nothing answers, or a package that is not declared.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'no-dev-dependencies-at-run-time',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only', 'npm-peer'] },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: ['/fixtures/'] },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
    },
  },
};
