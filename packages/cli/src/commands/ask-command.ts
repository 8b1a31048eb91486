import type { CommandDefinition } from '../command.ts';
import type { CommandServices } from '../command-services.ts';
import { askOptions } from '../option-table.ts';
import { answerOnce } from '../thin/answer-once.ts';

/** `gemma ask`: one answer. The thin entry runs it without this definition, which gives help and documentation. */
export function askCommand({ connect }: CommandServices): CommandDefinition {
  return {
    name: 'ask',
    summary: 'Answer one prompt. `gemma "prompt"` does the same.',
    arguments: [
      {
        name: 'PROMPT',
        summary: 'The prompt; several words are joined. Standard input and files come before it.',
        variadic: true,
      },
    ],
    options: askOptions,
    examples: [
      { command: 'gemma "Name three rivers in France"', effect: 'streams the answer of the default model' },
      {
        command: 'git diff | gemma ask -s "You review code" "What could break?"',
        effect: 'puts the piped text before the question',
      },
      { command: 'gemma ask -f notes.md -f todo.md "Summarise both"', effect: 'puts two files before the question' },
      { command: 'gemma ask --json -o seed=1 -o temperature=0 "Say hello"', effect: 'prints one JSON object' },
      { command: 'gemma ask --json --stream "Say hello"', effect: 'prints the events as JSON lines' },
    ],
    run: (context, input) => answerOnce({ ...context, connect }, input),
  };
}
