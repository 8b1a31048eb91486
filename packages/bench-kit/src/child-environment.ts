/** Variables that change what a Node process does at its start and would be measured with it. */
const disturbing: readonly string[] = [
  // Node 20 parses the whole bundle at every start: 80-120 ms.
  'NODE_EXTRA_CA_CERTS',
  'NODE_OPTIONS',
  'NODE_V8_COVERAGE',
  'NODE_COMPILE_CACHE',
  'NODE_DEBUG',
  'NODE_PENDING_DEPRECATION',
];

/** An environment to measure in. */
export interface ChildEnvironment {
  readonly env: Readonly<Record<string, string>>;
  /** Names of the variables that were taken out, in alphabetical order. Belongs in the report. */
  readonly removed: readonly string[];
}

/** Takes the variables out of an environment that disturb a measurement, and tells which they were. */
export function childEnvironment(env: Readonly<Record<string, string | undefined>>): ChildEnvironment {
  const kept = Object.entries(env).filter((entry): entry is [string, string] => {
    return entry[1] !== undefined && !disturbing.includes(entry[0]);
  });
  return {
    env: Object.fromEntries(kept),
    removed: disturbing.filter((name) => env[name] !== undefined).toSorted(),
  };
}
