/**
 * What the `gemma` command exits with. Documented in `docs/errors.md`.
 *
 * 0 ok, 1 failure, 2 usage, 3 model not found, 4 engine, memory or daemon unavailable, 5 busy or timeout,
 * 6 context too long, 7 integrity, 130 interrupted.
 */
export type ExitCode = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 130;

/** One row of the table of error codes. */
export interface ErrorCodeEntry {
  /** What the command exits with when this error ends it. */
  readonly exitCode: ExitCode;
  /** One sentence: when this happens. */
  readonly meaning: string;
}

/**
 * Every error code of the project, with its exit code and meaning. Codes are stable: a code is never reused for another
 * meaning. `docs/errors.md` repeats this table and a test compares the two.
 */
export const errorCodes = {
  USAGE: { exitCode: 2, meaning: 'A command, option or argument is not one the command knows.' },
  CONFIG_INVALID: { exitCode: 2, meaning: 'A configuration value does not have the expected type or range.' },
  CONFIG_UNKNOWN_KEY: {
    exitCode: 2,
    meaning: 'A configuration key does not exist; the message names the nearest one.',
  },
  CONFIG_UNREADABLE: { exitCode: 2, meaning: 'A configuration file cannot be read or is not valid TOML.' },
  HOME_NOT_PRIVATE: { exitCode: 4, meaning: 'The home folder belongs to somebody else or cannot be made private.' },
  REQUEST_INVALID: { exitCode: 2, meaning: 'A request has a value outside its documented range.' },
  PROMPT_FORBIDDEN_CHARACTER: { exitCode: 2, meaning: 'A prompt contains NUL or ESC.' },
  PROMPT_TOO_LONG: { exitCode: 6, meaning: 'A prompt has more characters than the configured limit.' },
  CONTEXT_EXCEEDED: { exitCode: 6, meaning: 'A prompt has more tokens than the context holds.' },
  RESPONSE_TOO_LARGE: { exitCode: 1, meaning: 'An answer grew past the configured limit in bytes.' },
  OPTION_UNSUPPORTED: { exitCode: 2, meaning: 'The runtime or model cannot honour an option of the request.' },
  UNSUPPORTED: { exitCode: 4, meaning: 'An implementation cannot work on this machine; the other one may.' },
  IMPLEMENTATION_LOAD_FAILED: {
    exitCode: 4,
    meaning: 'An installed implementation is broken: it failed while it was loaded.',
  },
  RUNTIME_NOT_INSTALLED: { exitCode: 4, meaning: 'The native runtime that computes is not installed.' },
  RUNTIME_INSTALL_FAILED: { exitCode: 1, meaning: 'Installing the native runtime did not succeed.' },
  ENGINE_START_FAILED: { exitCode: 4, meaning: 'The model process could not be started.' },
  ENGINE_LOAD_FAILED: { exitCode: 4, meaning: 'The model process could not load the model.' },
  ENGINE_LOAD_TIMEOUT: { exitCode: 5, meaning: 'Loading the model took longer than its deadline.' },
  ENGINE_EXITED: { exitCode: 4, meaning: 'The model process ended in the middle of its work.' },
  ENGINE_UNRESPONSIVE: { exitCode: 5, meaning: 'The model process was silent for longer than its deadline.' },
  ENGINE_PROTOCOL: { exitCode: 4, meaning: 'The model process sent something that is not in its protocol.' },
  ENGINE_FAILED: { exitCode: 4, meaning: 'The runtime reported an error while it computed.' },
  ENGINE_BUSY: { exitCode: 5, meaning: 'The queue of waiting requests is full.' },
  ENGINE_CLOSED: { exitCode: 4, meaning: 'The engine was closed before or during the request.' },
  MODEL_NOT_FOUND: { exitCode: 3, meaning: 'No model has this name or path.' },
  MODEL_REFERENCE_INVALID: { exitCode: 2, meaning: 'A model reference cannot be understood.' },
  MODEL_INVALID: { exitCode: 7, meaning: 'A model file is damaged or not a model file.' },
  MODEL_UNSUPPORTED: { exitCode: 4, meaning: 'A model file is sound, but of a kind that this program cannot run.' },
  MODEL_HASH_MISMATCH: { exitCode: 7, meaning: 'A downloaded file does not have the expected SHA-256.' },
  MODEL_EXISTS: { exitCode: 1, meaning: 'A model of this name is already there.' },
  MODEL_IN_USE: { exitCode: 5, meaning: 'Another process is pulling or removing this model.' },
  SOURCE_UNREACHABLE: { exitCode: 4, meaning: 'None of the sources of a model could be reached.' },
  DOWNLOAD_FAILED: { exitCode: 1, meaning: 'A download broke off more often than it was retried; the part is kept.' },
  DISK_FULL: { exitCode: 1, meaning: 'There is not enough free space for a file.' },
  PYTHON_MISSING: { exitCode: 4, meaning: 'A pip source was asked for, and no usable Python with pip was found.' },
  FILE_UNREADABLE: { exitCode: 1, meaning: 'A file or folder could not be read or written.' },
  ABORTED: { exitCode: 130, meaning: 'The caller or the user stopped an operation.' },
  INTERNAL: { exitCode: 1, meaning: 'A defect of this program.' },
  BENCH_FAILED: { exitCode: 1, meaning: 'A measured process failed, ran past its deadline or reported no samples.' },
  SCHEMA_UNSUPPORTED: {
    exitCode: 2,
    meaning: 'A JSON schema is invalid or asks for something that cannot be guaranteed.',
  },
  GRAMMAR_INVALID: { exitCode: 2, meaning: 'A grammar is not valid GBNF.' },
  RUNTIME_UNSUPPORTED: {
    exitCode: 4,
    meaning: 'The native runtime that was found is not of the version or kind needed.',
  },
  MEMORY_EXCEEDED: { exitCode: 4, meaning: 'A model does not fit the memory that is available or allowed.' },
  BENCH_WRONG_IMPLEMENTATION: {
    exitCode: 1,
    meaning: 'A measured process ran another implementation than the one to measure.',
  },
  STATE_INVALID: {
    exitCode: 1,
    meaning: 'A saved attention state is damaged or belongs to another model; it is not used.',
  },
  MEMORY_CLOSED: { exitCode: 4, meaning: 'The memory was closed before or during the operation.' },
  MEMORY_UNAVAILABLE: {
    exitCode: 4,
    meaning: 'The memory cannot be opened or written: no permission, a read-only or failing disk.',
  },
  MEMORY_DAMAGED: { exitCode: 7, meaning: 'The files of the memory are damaged beyond what can be left out.' },
  MEMORY_FORMAT: { exitCode: 4, meaning: 'The memory was written in a format that this version does not know.' },
  DOCUMENT_UNREADABLE: {
    exitCode: 1,
    meaning: 'A document is damaged, encrypted or not of the format that it seems to be.',
  },
  DOCUMENT_UNSUPPORTED: { exitCode: 1, meaning: 'A document is of a format or kind that is not read.' },
  DOCUMENT_TOO_LARGE: { exitCode: 1, meaning: 'A document is beyond a limit of size, pages, depth or decompression.' },
  MEMORY_CHANGES_GONE: {
    exitCode: 1,
    meaning: 'The changes after a position of the memory are no longer kept; read its rows anew.',
  },
} as const satisfies Record<string, ErrorCodeEntry>;

/** A stable code by which a caller recognises an error. */
export type ErrorCode = keyof typeof errorCodes;
