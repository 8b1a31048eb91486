/** A contract that has more than one implementation. */
export type ContractName = 'engine' | 'memory';

/** Which of the two implementations: the readable one or the fast one. */
export type ImplementationName = 'legacy' | 'optimized';

/** The version of each contract in this copy of the package. Raised when a change breaks implementations. */
export const contractVersions: Readonly<Record<ContractName, number>> = { engine: 1, memory: 1 };

/** What an implementation package exports as `handshake`, so that the resolver can refuse a mismatched one by name. */
export interface ImplementationHandshake {
  readonly contract: ContractName;
  /** The contract version that the package was written for. */
  readonly contractVersion: number;
  readonly implementation: ImplementationName;
  /** The package's name and version, for reports. */
  readonly package: string;
  readonly version: string;
}

/** A module that implements a contract: its handshake and its factory. */
export interface Implementation<Options, Instance> {
  readonly handshake: ImplementationHandshake;
  /**
   * Makes an instance.
   *
   * @throws UnsupportedError when the implementation is whole but cannot work on this machine.
   */
  create(options: Options): Promise<Instance>;
}

/** Which implementation was asked for, which one runs, and why they differ. */
export interface Resolution {
  readonly contract: ContractName;
  readonly requested: ImplementationName;
  readonly active: ImplementationName;
  /** Why `active` is not `requested`: a sentence. Absent when they are the same. */
  readonly reason?: string;
  /** The error behind the reason. */
  readonly cause?: unknown;
}
