import { errorCodes } from './error-codes.ts';
import type { ErrorCode, ExitCode } from './error-codes.ts';

/** Marks errors of this project across duplicate copies of the package, where `instanceof` fails. */
const brand: symbol = Symbol.for('gemma-cli.error');

/** Structured facts of an error: plain data that survives JSON. */
export type ErrorFacts = Readonly<Record<string, unknown>>;

/** What the constructor of {@link GemmaError} takes. */
export interface GemmaErrorOptions {
  /** The stable code. */
  readonly code: ErrorCode;
  /** What was expected, what came, what to do next. */
  readonly message: string;
  /** Numbers, names and paths that the message speaks of. Default: none. */
  readonly facts?: ErrorFacts | undefined;
  /** The error behind this one. */
  readonly cause?: unknown;
}

/** The shape of an error in `--json` output and on the wire: code, message, and the facts beside them. */
export interface GemmaErrorJson {
  readonly code: ErrorCode;
  readonly message: string;
  readonly [fact: string]: unknown;
}

/**
 * The base of every error that this project throws on purpose. Recognise it with {@link isGemmaError} and by `code`, not
 * by `instanceof`: two copies of this package may be installed.
 */
export class GemmaError extends Error {
  override readonly name: string = 'GemmaError';
  /** The stable code. */
  readonly code: ErrorCode;
  /** Numbers, names and paths that the message speaks of. */
  readonly facts: ErrorFacts;

  constructor({ code, message, facts = {}, cause }: GemmaErrorOptions) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.facts = facts;
    Object.defineProperty(this, brand, { value: true });
  }

  /** What the command exits with when this error ends it. */
  get exitCode(): ExitCode {
    return errorCodes[this.code].exitCode;
  }

  /** Code, message and facts as plain data. `code` and `message` win over facts of the same name. */
  toJSON(): GemmaErrorJson {
    return { ...this.facts, code: this.code, message: this.message };
  }
}

/**
 * Thrown by the `create()` of an implementation that is whole but cannot work here. The only error, beside "not
 * installed", on which the resolver falls back to the other implementation.
 */
export class UnsupportedError extends GemmaError {
  override readonly name = 'UnsupportedError';
  constructor(options: Omit<GemmaErrorOptions, 'code'>) {
    super({ ...options, code: 'UNSUPPORTED' });
  }
}

/** An installed implementation failed while it was loaded. A defect that is shown, never a reason to fall back. */
export class ImplementationLoadError extends GemmaError {
  override readonly name = 'ImplementationLoadError';
  constructor(options: Omit<GemmaErrorOptions, 'code'>) {
    super({ ...options, code: 'IMPLEMENTATION_LOAD_FAILED' });
  }
}

/** Whether `value` is an error of this project, whichever copy of the package made it. */
export function isGemmaError(value: unknown): value is GemmaError {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[brand] === true;
}

/** Gives `value` back if it is an error of this project, otherwise wraps it as `INTERNAL` with its message and cause. */
export function toGemmaError(value: unknown): GemmaError {
  if (isGemmaError(value)) return value;
  const message = value instanceof Error ? value.message : String(value);
  return new GemmaError({ code: 'INTERNAL', message, cause: value });
}
