import { GemmaError } from '@gemma-cli/contracts';

/** The error for a command line that cannot be meant. */
export function usageError(message: string): GemmaError {
  return new GemmaError({ code: 'USAGE', message });
}
