import type { OptionDefinition } from './command.ts';

/** Options that every command takes. */
export const globalOptions: readonly OptionDefinition[] = [
  { long: 'json', summary: 'Print one JSON object on stdout; an error is {"error": {code, message, …}}.' },
  { long: 'quiet', short: 'q', summary: 'No commentary on stderr but errors.' },
  { long: 'verbose', short: 'v', summary: 'Log lines on stderr.' },
  { long: 'no-color', summary: 'No colours, whatever the terminal can do. NO_COLOR does the same.' },
  {
    long: 'no-daemon',
    summary: 'Do everything in this process. There is no warm process yet: this describes what happens anyway.',
  },
  { long: 'help', short: 'h', summary: 'Show help; after a command, that of the command.' },
  { long: 'version', short: 'V', summary: 'Print the version.' },
];

const engineOption: OptionDefinition = {
  long: 'engine',
  value: 'NAME',
  choices: ['legacy', 'optimized'],
  summary: 'Which engine answers. Default: optimized, unless performance.use_optimized_gemma is false.',
};

const modelOption: OptionDefinition = {
  long: 'model',
  short: 'm',
  value: 'NAME|FILE',
  summary: 'The model that answers: an installed name or a file. Default: gemma.default_model.',
};

/** How an answer is made and shown: what `ask`, `chat` and `run` share. */
const commonAnswerOptions: readonly OptionDefinition[] = [
  { long: 'system', short: 's', value: 'TEXT', summary: 'Instruction that stands before the conversation.' },
  {
    long: 'option',
    short: 'o',
    value: 'KEY=VALUE',
    repeatable: true,
    summary:
      'Sampling and limits: temperature, topK, topP, minP, repeatPenalty, seed, stop (repeatable), maxTokens, ' +
      'contextTokens, reproducible.',
  },
  { long: 'stream', summary: 'With --json: the events of the answer as JSON lines while they happen.' },
  { long: 'no-stream', summary: 'Print the answer when it is complete.' },
  { long: 'stats', summary: 'Print tokens, times and the engine on stderr after each answer.' },
  engineOption,
];

const fileOption: OptionDefinition = {
  long: 'file',
  short: 'f',
  value: 'FILE',
  repeatable: true,
  summary: 'Put the text of a file before the prompt; - is standard input. Repeatable.',
};

/** Options of `gemma "prompt"` and `gemma ask`. */
export const askOptions: readonly OptionDefinition[] = [modelOption, fileOption, ...commonAnswerOptions];

/** Options of `gemma chat`. */
export const chatOptions: readonly OptionDefinition[] = [modelOption, ...commonAnswerOptions];

/** Options of `gemma run MODEL [TEXT]`. */
export const runOptions: readonly OptionDefinition[] = [fileOption, ...commonAnswerOptions];
