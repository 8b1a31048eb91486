import type { ResolvedRequest } from '../resolve-request.ts';
import type { GemmaExecutable } from './probe-executable.ts';

/** What is fixed for the life of a gemma.cpp process. */
export interface ProcessSettings {
  readonly path: string;
  readonly contextTokens: number;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topK: number;
  /** How prompts come: several lines with an end line, one line each, or one in a file. */
  readonly form: 'block' | 'line' | 'file';
}

/** The settings that a request needs. Token limits beyond the context change nothing but a warning. */
export function settingsOf(
  {
    model,
    maxTokens,
    sampling,
  }: Pick<ResolvedRequest, 'model' | 'maxTokens'> & {
    readonly sampling: Pick<ResolvedRequest['sampling'], 'temperature' | 'topK'>;
  },
  contextTokens: number,
  form: ProcessSettings['form'],
): ProcessSettings {
  const greedy = sampling.temperature === 0 || sampling.topK === 1;
  return {
    path: model.path,
    contextTokens,
    maxTokens: Math.min(maxTokens, contextTokens),
    // With one candidate gemma.cpp is greedy and reads no temperature, and 0 is no temperature for it.
    temperature: greedy ? 1 : sampling.temperature,
    topK: greedy ? 1 : sampling.topK,
    form,
  };
}

/**
 * The command line of a process. Flags that the executable does not know are left out: it would ignore them in silence.
 *
 * @param endLine - For prompts of several lines.
 * @param promptFile - For a prompt in a file.
 */
export function processArguments(
  { path, contextTokens, maxTokens, temperature, topK, form }: ProcessSettings,
  {
    executable,
    threads,
    deterministic,
    endLine,
    promptFile,
  }: {
    readonly executable: GemmaExecutable;
    readonly threads: number;
    readonly deterministic: boolean;
    readonly endLine: string | null;
    readonly promptFile: string | null;
  },
): string[] {
  const flags: readonly (readonly [name: string, value: string | null])[] = [
    ['weights', path],
    // Only the reply on stdout.
    ['verbosity', '0'],
    ['seq_len', String(contextTokens)],
    ['max_generated_tokens', String(maxTokens)],
    ['top_k', String(topK)],
    ['temperature', String(temperature)],
    ['deterministic', deterministic ? '1' : '0'],
    // Only blocks are conversations; each line of a base model is a text of its own.
    ['multiturn', form === 'block' ? '1' : '0'],
    ['num_threads', String(threads)],
    // Waiting threads that spin, and threads pinned to cores that others use, were twice as slow beside other work.
    ['spin', '0'],
    ['pin', '0'],
    ['eot_line', endLine],
    ['prompt_file', promptFile],
  ];
  return flags.flatMap(([name, value]) => (value !== null && executable.flags.has(name) ? [`--${name}`, value] : []));
}
