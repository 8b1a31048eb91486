import {
  contractVersions,
  type GemmaError,
  ImplementationLoadError,
  isGemmaError,
  type ContractName,
  type Implementation,
  type ImplementationName,
  type Resolution,
} from '@gemma-cli/contracts';

/** Where one implementation comes from. */
export interface ImplementationSource {
  /** The package name, exactly as the thunk imports it. */
  readonly specifier: string;
  /** Path of the file that holds the thunk: what Node names as the importer when the package is not installed. */
  readonly importer: string;
  /** A literal dynamic import, so that bundlers and dead-code checks see it. */
  readonly load: () => Promise<unknown>;
}

/** What {@link resolveImplementation} takes. */
export interface ResolveOptions<Options> {
  readonly contract: ContractName;
  readonly requested: ImplementationName;
  readonly sources: Readonly<Record<ImplementationName, ImplementationSource>>;
  /** Handed to `create()` of the implementation. */
  readonly options: Options;
}

/** An instance, and the story of how it was chosen. */
export interface Resolved<Instance> {
  readonly instance: Instance;
  readonly resolution: Resolution;
}

/**
 * Loads and creates the requested implementation. Falls back from optimized to legacy in two cases only: the package is
 * not installed, or its `create()` throws the typed `UnsupportedError`. Everything else that goes wrong while loading is
 * a defect of the installation and is thrown, so that nobody runs the slow implementation for months without knowing.
 *
 * @throws ImplementationLoadError when an installed package cannot be loaded or does not fit this version.
 */
export async function resolveImplementation<Options, Instance>(
  options: ResolveOptions<Options>,
): Promise<Resolved<Instance>> {
  const { contract, requested } = options;
  const attempt = await tryImplementation<Options, Instance>(options, requested);
  if (attempt.type === 'created')
    return { instance: attempt.instance, resolution: { contract, requested, active: requested } };
  if (requested === 'legacy') throw attempt.cause;

  const fallback = await tryImplementation<Options, Instance>(options, 'legacy');
  if (fallback.type !== 'created') throw fallback.cause;
  return {
    instance: fallback.instance,
    resolution: { contract, requested, active: 'legacy', reason: attempt.reason, cause: attempt.cause },
  };
}

type Attempt<Instance> =
  | { readonly type: 'created'; readonly instance: Instance }
  | { readonly type: 'unavailable'; readonly reason: string; readonly cause: GemmaError };

async function tryImplementation<Options, Instance>(
  { contract, sources, options }: ResolveOptions<Options>,
  name: ImplementationName,
): Promise<Attempt<Instance>> {
  const source = sources[name];
  let module: unknown;
  try {
    module = await source.load();
  } catch (error) {
    if (isNotInstalled(error, source)) {
      const reason = `${source.specifier} is not installed`;
      const message = `${reason}. Install it beside this package, or choose the other implementation.`;
      return {
        type: 'unavailable',
        reason,
        cause: new ImplementationLoadError({ message, facts: { package: source.specifier }, cause: error }),
      };
    }
    throw loadError({ contract, source, name }, error instanceof Error ? error.message : String(error), error);
  }
  const implementation = checkHandshake<Options, Instance>(module, { contract, name, source });
  try {
    return { type: 'created', instance: await implementation.create(options) };
  } catch (error) {
    if (isGemmaError(error)) {
      if (error.code !== 'UNSUPPORTED') throw error;
      return { type: 'unavailable', reason: error.message, cause: error };
    }
    throw loadError({ contract, source, name }, error instanceof Error ? error.message : String(error), error);
  }
}

/**
 * Whether `error` says that the package itself is absent. A missing package *inside* an installed one carries the same
 * code, but quotes another name or another importer; a missing file of an installed package carries a `url`.
 */
function isNotInstalled(error: unknown, { specifier, importer }: ImplementationSource): boolean {
  if (!(error instanceof Error)) return false;
  const { code, url, message } = error as Error & { code?: unknown; url?: unknown };
  if (code !== 'ERR_MODULE_NOT_FOUND' || url !== undefined) return false;
  const quoted = /'([^']*)'/.exec(message)?.[1];
  return quoted === specifier && message.endsWith(`imported from ${importer}`);
}

function checkHandshake<Options, Instance>(module: unknown, expected: LoadPlace): Implementation<Options, Instance> {
  const { contract, name } = expected;
  const { handshake, create } = module as Partial<Implementation<Options, Instance>>;
  if (handshake === undefined || typeof create !== 'function') {
    throw loadError(expected, 'it does not export `handshake` and `create`');
  }
  const version = contractVersions[contract];
  if (handshake.contract !== contract || handshake.contractVersion !== version || handshake.implementation !== name) {
    throw loadError(
      expected,
      `it is the ${handshake.implementation} implementation of ${handshake.contract} contract ` +
        `${handshake.contractVersion}, expected ${name} of ${contract} contract ${version}`,
    );
  }
  return module as Implementation<Options, Instance>;
}

/** How to go on without a broken optimized package. */
const otherwise: Readonly<Record<ContractName, string>> = {
  engine: 'run with `--engine legacy`',
  memory: 'run `gemma config set performance.use_optimized_rag false`',
};

function loadError(
  { contract, source: { specifier }, name: implementation }: LoadPlace,
  why: string,
  cause?: unknown,
): ImplementationLoadError {
  const other = implementation === 'optimized' ? ` or ${otherwise[contract]}` : '';
  return new ImplementationLoadError({
    message: `The installed package ${specifier} is broken: ${why}. Install it again${other}.`,
    facts: { package: specifier, implementation, detail: why },
    cause,
  });
}

/** What was loaded when it failed. */
interface LoadPlace {
  readonly contract: ContractName;
  readonly name: ImplementationName;
  readonly source: ImplementationSource;
}
