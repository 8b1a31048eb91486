import { GemmaError } from '@gemma-cli/contracts';

/** How a gemma.cpp process ended, and what it was doing. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderrTail: string;
  readonly stage: 'loading' | 'answering';
  /** Path of the weights. */
  readonly path: string;
  readonly contextTokens: number;
}

/**
 * The typed error of a process that ended by itself. gemma.cpp has one way to fail: it writes `Abort at FILE:LINE: REASON`
 * to stderr and aborts, whether its arguments, its file or the prompt was at fault. Lines are those of one commit, so only
 * the reason is looked at. An end with exit code 0 before the answer was whole is a failure too.
 */
export function exitError(end: ProcessEnd): GemmaError {
  const { exitCode, signal, stderrTail, stage, path, contextTokens } = end;
  const abort = readAbort(stderrTail);
  const facts = { exitCode, signal, stderrTail, ...(abort && { abort }) };
  const reason = abort?.reason ?? '';

  const tooLong = /max_prompt_size = (\d+)/u.exec(reason);
  if (tooLong !== null) {
    const promptTokens = Number(tooLong[1]);
    return new GemmaError({
      code: 'CONTEXT_EXCEEDED',
      message: `Expected a prompt of at most ${contextTokens - 1} tokens, got ${promptTokens}. Shorten it, or raise engine.context_tokens.`,
      facts: { ...facts, promptTokens, contextTokens },
    });
  }
  if (/BlobStore|Zero-sized file|tokenizer|[Dd]eserializ|Unknown tensor/u.test(reason)) {
    return new GemmaError({
      code: 'MODEL_INVALID',
      message: `gemma.cpp cannot use the weights in ${path}: ${reason} Fetch the file again.`,
      facts,
    });
  }
  if (reason.startsWith('Failed to open')) {
    return new GemmaError({
      code: 'ENGINE_LOAD_FAILED',
      message: `gemma.cpp could not load ${path}: ${reason}.`,
      facts,
    });
  }
  if (/^(?:Missing value for|Invalid value for|Invalid args|what\(\): *sto)/u.test(reason)) {
    return new GemmaError({
      code: 'ENGINE_START_FAILED',
      message: `gemma.cpp did not understand how it was started: ${reason}. Build its current main branch.`,
      facts,
    });
  }
  if (abort !== undefined) {
    return new GemmaError({
      code: stage === 'loading' ? 'ENGINE_LOAD_FAILED' : 'ENGINE_FAILED',
      message: `gemma.cpp gave up while it was ${stage}: ${reason} The next prompt gets a fresh process.`,
      facts,
    });
  }
  const how = signal === null ? `with exit code ${exitCode}` : `by ${signal}`;
  const hint = signal === 'SIGKILL' ? ' The system may have run out of memory.' : '';
  const words = stderrTail.trim();
  return new GemmaError({
    code: 'ENGINE_EXITED',
    message: `The gemma.cpp process ended ${how} while it was ${stage}.${hint} The next prompt gets a fresh one.${words === '' ? '' : ` Its last words: ${words.slice(-400)}`}`,
    facts,
  });
}

/** What a process said before it aborted: the last such line, or the exception that nobody caught. */
function readAbort(
  stderr: string,
): { readonly file: string | null; readonly line: number | null; readonly reason: string } | undefined {
  const last = [...stderr.matchAll(/^Abort at (\S+):(\d+): (.*)$/gmu)].at(-1);
  if (last !== undefined) return { file: last[1] ?? null, line: Number(last[2]), reason: last[3] ?? '' };
  const thrown = /^terminate called after throwing an instance of .*\n\s*(what\(\):.*)$/mu.exec(stderr);
  return thrown === null ? undefined : { file: null, line: null, reason: thrown[1] ?? '' };
}
