import type { OptionDefinition } from './command.ts';

/** Options that every command takes. */
export const globalOptions: readonly OptionDefinition[] = [
  { long: 'json', summary: 'Print one JSON object on stdout; an error is {"error": {code, message, …}}.' },
  { long: 'quiet', short: 'q', summary: 'No commentary on stderr but errors.' },
  {
    long: 'verbose',
    short: 'v',
    summary: 'Log lines on stderr: what is used and done, and what lies behind an error.',
  },
  { long: 'no-color', summary: 'No colours, whatever the terminal can do. NO_COLOR does the same.' },
  {
    long: 'no-daemon',
    summary: 'Do everything in this process. There is no warm process yet: this describes what happens anyway.',
  },
  { long: 'help', short: 'h', summary: 'Show help; after a command, that of the command.' },
  { long: 'version', short: 'V', summary: 'Print the version.' },
];

/** Which memory a command works on. */
export const memoryOption: OptionDefinition = {
  long: 'memory',
  value: 'NAME',
  summary: 'The memory to use: rows of one name never meet those of another. Default: default.',
};

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
  completes: 'models-or-files',
  summary: 'The model that answers: an installed name or a file. Default: gemma.default_model.',
};

/** How an answer is made and shown: what `ask`, `chat` and `run` share. */
const commonAnswerOptions: readonly OptionDefinition[] = [
  { long: 'system', short: 's', value: 'TEXT', summary: 'Instruction that stands before the conversation.' },
  {
    long: 'role',
    short: 'r',
    value: 'NAME',
    completes: 'roles',
    summary: 'Answer in a role: its instruction, prompt template, model and options. `gemma role list` shows them.',
  },
  {
    long: 'param',
    short: 'p',
    value: 'KEY=VALUE',
    repeatable: true,
    summary: 'Value for a place {{KEY}} of the role. Repeatable.',
  },
  {
    long: 'option',
    short: 'o',
    value: 'KEY=VALUE',
    repeatable: true,
    completes: 'option-keys',
    summary: 'Sampling and limits, such as temperature, seed, maxTokens, stop. Repeatable; docs/cli.md lists the keys.',
  },
  { long: 'stream', summary: 'With --json: the events of the answer as JSON lines while they happen.' },
  { long: 'no-stream', summary: 'Print the answer when it is complete.' },
  { long: 'usage', short: 'u', summary: 'Print tokens and times on stderr after each answer.' },
  { long: 'stats', summary: 'The same as --usage, and which model and engine it was.' },
  {
    long: 'speculation',
    value: 'HOW',
    choices: ['off', 'prompt-lookup'],
    summary:
      'Guess several tokens ahead, from what stood in the prompt. Default: off; it pays for edits and quotations.',
  },
  {
    long: 'draft-model',
    value: 'NAME|FILE',
    completes: 'models-or-files',
    summary: 'Guess several tokens ahead with this smaller model of the same vocabulary.',
  },
  engineOption,
  {
    long: 'rag',
    value: 'MODE',
    choices: ['auto', 'on', 'off'],
    summary: 'Use what is remembered: where it fits the question, always, or never. Default: rag.mode, which is auto.',
  },
  memoryOption,
];

/** What only a single answer takes. */
export const singleAnswerOptions: readonly OptionDefinition[] = [
  {
    long: 'schema',
    value: 'FILE|DSL',
    completes: 'files',
    summary:
      'Hold the answer to JSON that fits: a JSON Schema, in a file or as it is, or "name, age int, bio: one sentence".',
  },
  {
    long: 'schema-multi',
    value: 'FILE|DSL',
    completes: 'files',
    summary: 'The same for a list of them: {"items": […]}.',
  },
  { long: 'grammar', value: 'FILE', completes: 'files', summary: 'Hold the answer to a grammar in GBNF.' },
  { long: 'extract', short: 'x', summary: 'Print only the first code block of the answer, without its fence.' },
  { long: 'extract-last', alias: 'xl', summary: 'Print only the last code block.' },
  {
    long: 'logprobs',
    value: 'N',
    summary: 'With --json: the log-probability of each token, and the N likeliest in its place, 0 to 20.',
  },
];

const fileOption: OptionDefinition = {
  long: 'file',
  short: 'f',
  value: 'FILE',
  repeatable: true,
  completes: 'files',
  summary: 'Put the text of a file before the prompt; - is standard input. Repeatable.',
};

/** Options of `gemma "prompt"` and `gemma ask`. */
export const askOptions: readonly OptionDefinition[] = [
  modelOption,
  fileOption,
  ...commonAnswerOptions,
  ...singleAnswerOptions,
];

const rememberOption: OptionDefinition = {
  long: 'no-remember',
  summary: 'Remember nothing of this chat, whatever memory.remember_chats says, and do not ask.',
};

/** Options of `gemma chat`. */
export const chatOptions: readonly OptionDefinition[] = [modelOption, ...commonAnswerOptions, rememberOption];

/** Options of `gemma run MODEL [TEXT]`. */
export const runOptions: readonly OptionDefinition[] = [
  fileOption,
  ...commonAnswerOptions,
  ...singleAnswerOptions,
  rememberOption,
];
