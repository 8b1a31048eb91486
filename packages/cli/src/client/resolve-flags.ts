import { fillTemplate, inputVariable, templateVariables } from '@gemma-cli/app';
import type { AnswerOptions, PromptTemplate, RagMode } from '@gemma-cli/app';
import { createRoleStore, homeLayout, type Role } from '@gemma-cli/config';
import { GemmaError } from '@gemma-cli/contracts';
import type { AnswerFlags, AnswerForm } from '../thin/connection.ts';
import { readCheckedSchema } from './read-checked-schema.ts';
import { parseAnswerOptions } from '../thin/parse-answer-options.ts';
import { UsageProblem } from '../thin/usage-problem.ts';

/** What the flags of an answer mean. */
export interface ResolvedFlags {
  readonly model: string | undefined;
  readonly system: string | undefined;
  readonly options: AnswerOptions;
  /** Whether the answer uses what is remembered. `undefined` = as the configuration says. */
  readonly rag: RagMode | undefined;
  /** What stands around the question. `undefined` = the question as it is. */
  readonly template: PromptTemplate | undefined;
  /** Which code block of the answer is printed, as the role says. `null` = all of the answer. */
  readonly extract: 'first' | 'last' | null;
}

/**
 * Puts flags and their role together: what was said on the command line wins over what the role says.
 *
 * @throws GemmaError `REQUEST_INVALID` for an unknown role or a place without a value, `SCHEMA_UNSUPPORTED`, and what a
 *   damaged role file throws. UsageProblem for a parameter that the role has no place for.
 */
export async function resolveFlags(flags: AnswerFlags, { home }: { readonly home: string }): Promise<ResolvedFlags> {
  const { model, system, options = {}, role: name, params = {}, form, rag } = flags;
  if (name === undefined) {
    return { model, system, options: await withForm(options, form), rag, template: undefined, extract: null };
  }
  const role = await createRoleStore({ folder: homeLayout(home).roles }).find(name);
  const values = { ...role.defaults, ...params };
  checkParams(role, params);
  const own = roleOptions(role);
  const merged: AnswerOptions = { ...own, ...options, sampling: { ...own.sampling, ...options.sampling } };
  const roleForm: AnswerForm | undefined =
    role.schema === null ? undefined : { type: 'schema', text: role.schema, list: role.schemaList };
  return {
    model: model ?? role.model ?? undefined,
    system: system ?? fillSystem(role, values),
    options: await withForm(merged, form ?? roleForm),
    rag,
    template: role.prompt === null ? undefined : { text: role.prompt, values },
    extract: role.extract,
  };
}

async function withForm(options: AnswerOptions, form: AnswerForm | undefined): Promise<AnswerOptions> {
  if (form === undefined) return options;
  if (form.type === 'grammar') return { ...options, format: { type: 'gbnf', grammar: form.text } };
  const schema = await readCheckedSchema(form.text, { list: form.list });
  return { ...options, format: { type: 'json-schema', schema }, describeFormat: true };
}

function fillSystem(role: Role, values: Readonly<Record<string, string>>): string | undefined {
  if (role.system === null) return undefined;
  checkSystemPlaces(role);
  return fillTemplate(role.system, values);
}

/**
 * The question has its place in the prompt; before the conversation there is none.
 *
 * @throws GemmaError `CONFIG_INVALID`.
 */
export function checkSystemPlaces({ name, system }: Role): void {
  if (system === null || !templateVariables(system).includes(inputVariable)) return;
  throw new GemmaError({
    code: 'CONFIG_INVALID',
    message: `The role ${name} has {{input}} in its system text. Move it to \`prompt\`: the question does not stand before the conversation.`,
    facts: { role: name, key: 'system' },
  });
}

/** A value that goes nowhere is a name that was mistyped. */
function checkParams({ name, system, prompt }: Role, params: Readonly<Record<string, string>>): void {
  const places = templateVariables(`${system ?? ''}\n${prompt ?? ''}`).filter((place) => place !== inputVariable);
  const unknown = Object.keys(params).find((param) => !places.includes(param));
  if (unknown === undefined) return;
  const hint = places.length === 0 ? 'It has none.' : `It has ${places.map((place) => `{{${place}}}`).join(', ')}.`;
  throw new UsageProblem(`The role ${name} has no place {{${unknown}}}. ${hint}`, { role: name, param: unknown });
}

/**
 * The options of a role, read.
 *
 * @param read Reads what `-o` would be given. Default: types alone are checked; ranges are for the engine.
 * @throws GemmaError `CONFIG_INVALID` for one that is not understood.
 */
export function roleOptions(
  { name, options }: Role,
  read: (pairs: readonly string[]) => AnswerOptions = parseAnswerOptions,
): AnswerOptions {
  const pairs = Object.entries(options).flatMap(([key, value]) =>
    Array.isArray(value) ? value.map((entry: string) => `${key}=${entry}`) : [`${key}=${String(value)}`],
  );
  try {
    return read(pairs);
  } catch (cause) {
    if (!(cause instanceof UsageProblem)) throw cause;
    throw new GemmaError({
      code: 'CONFIG_INVALID',
      message: `The role ${name} has an option that is not understood: ${cause.message}`,
      facts: { role: name, ...cause.facts },
      cause,
    });
  }
}
