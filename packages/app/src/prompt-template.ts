import { GemmaError } from '@gemma-cli/contracts';

/** A prompt with places for values: `{{name}}`, and `{{input}}` for what the user typed, piped in or named as files. */
export interface PromptTemplate {
  readonly text: string;
  /** Values by name. Default: none. */
  readonly values?: Readonly<Record<string, string>> | undefined;
}

/** The variable that stands for the question itself. */
export const inputVariable = 'input';

const placePattern = /(\\?)\{\{[ \t]*([A-Za-z_][\w-]*)[ \t]*\}\}/g;

/** The names of the variables in a text, each once, in the order of their mention. */
export function templateVariables(text: string): readonly string[] {
  return [
    ...new Set(
      Array.from(text.matchAll(placePattern), ([, escape, name]) => (escape === '' ? (name ?? '') : '')).filter(
        (name) => name !== '',
      ),
    ),
  ];
}

/**
 * Puts values into their places. A backslash before the braces leaves the place as it is, without the backslash; what a
 * value holds is never looked at again.
 *
 * @throws GemmaError `REQUEST_INVALID` for a variable without a value.
 */
export function fillTemplate(text: string, values: Readonly<Record<string, string>>): string {
  const missing = templateVariables(text).filter((name) => !Object.hasOwn(values, name));
  if (missing.length > 0) {
    const [first = ''] = missing;
    throw new GemmaError({
      code: 'REQUEST_INVALID',
      message:
        missing.includes(inputVariable) && missing.length === 1
          ? 'The prompt is empty. Give a text, a file or something on standard input.'
          : `Expected a value for ${missing.map((name) => `{{${name}}}`).join(' and ')} of the prompt template, got none. Give it with \`-p ${first}=VALUE\`.`,
      facts: { missing },
    });
  }
  return text.replaceAll(placePattern, (whole, escape: string, name: string) =>
    escape === '' ? (values[name] ?? '') : whole.slice(1),
  );
}

/** The prompt of a template: the question where `{{input}}` stands, or below the text when it stands nowhere. */
export function fillPromptTemplate({ text, values = {} }: PromptTemplate, input: string | undefined): string {
  const isPlaced = templateVariables(text).includes(inputVariable);
  const filled = fillTemplate(text, input === undefined ? values : { ...values, [inputVariable]: input });
  return isPlaced || input === undefined ? filled : `${filled.trimEnd()}\n\n${input}`;
}
