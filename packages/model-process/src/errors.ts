import { GemmaError } from '@gemma-cli/contracts';

/** The error of a call whose caller left. @param message - What it was doing. */
export function abortedError(message = 'The request was aborted.'): GemmaError {
  return new GemmaError({ code: 'ABORTED', message });
}

/** The error of whatever is asked of, or still runs on, something that was closed. */
export function closedError(what = 'engine'): GemmaError {
  return new GemmaError({ code: 'ENGINE_CLOSED', message: `The ${what} is closed. Make a new one to go on.` });
}

/** The error of an option that is not as it should be. */
export function invalidOption(option: string, expected: string, got: unknown): GemmaError {
  return new GemmaError({
    code: 'REQUEST_INVALID',
    message: `Expected ${option} to be ${expected}, got ${JSON.stringify(got) ?? String(got)}.`,
    facts: { option, expected, got },
  });
}

/** The error of an answer that grew past its limit. */
export function tooLarge(responseBytesMax: number): GemmaError {
  return new GemmaError({
    code: 'RESPONSE_TOO_LARGE',
    message: `Expected an answer of at most ${responseBytesMax} bytes; it was stopped there. Ask for less, or raise engine.response_bytes_max.`,
    facts: { responseBytesMax },
  });
}
