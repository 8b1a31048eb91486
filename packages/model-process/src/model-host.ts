import type { Engine, EngineEvent, EngineStatus, ModelFile, Prompt, StateCacheStatus } from '@gemma-cli/contracts';
import type { LoadedModel } from '@gemma-cli/contracts/worker-protocol';
import type { RequestClock } from './request-clock.ts';
import type { ResolvedRequest } from './resolve-request.ts';

/** One request on its way. */
export interface Turn {
  readonly clock: RequestClock;
  readonly emit: (event: EngineEvent) => void;
  /** Aborted when the caller leaves: the answer then ends with reason `aborted`. */
  readonly signal: AbortSignal;
  /** Aborted when the caller leaves or the engine is closed: for what goes on before there is a process to close. */
  readonly stop: AbortSignal;
}

/** Where a request will run, known before it is admitted. */
export interface Place {
  /** Takes a seat and gives how to leave it, or nothing when every seat is taken. */
  take(): (() => void) | undefined;
}

/** Who owns the model processes and answers on them: the policy in which the engines differ. */
export interface ModelHost {
  readonly implementation: Engine['implementation'];
  /**
   * Where a request for this model runs. Default: one seat for everything, so that requests come one after the other.
   * `generate`, `describe` and `countTokens` of an admitted request follow, with the same file and context.
   */
  place?(file: Required<ModelFile>, contextTokens: number): Promise<Place>;
  /** Registers who is told when a seat may have got free in another way than by leaving one. Called once. */
  onRoom?(listener: () => void): void;
  /**
   * Answers a whole request: emits `load-start` and `load-end` when the model was cold, the text, and `generation-end`.
   * An abort ends in `generation-end` with reason `aborted`, or in an error `ABORTED` when nothing was begun.
   *
   * @throws GemmaError what loading, computing and the limits can throw.
   */
  generate(request: ResolvedRequest, turn: Turn, place: Place): Promise<void>;
  describe(file: Required<ModelFile>, contextTokens: number, signal: AbortSignal, place: Place): Promise<LoadedModel>;
  /** `null` = the runtime does not tell. */
  countTokens(
    file: Required<ModelFile>,
    prompt: Prompt,
    contextTokens: number,
    signal: AbortSignal,
    place: Place,
  ): Promise<number | null>;
  processes(): EngineStatus['processes'];
  /** Default: there is no state cache. */
  stateCache?(): StateCacheStatus | null;
  /** Ends every process; what runs on them fails with `ENGINE_CLOSED`. Safe to call twice. */
  close(): Promise<void>;
}
