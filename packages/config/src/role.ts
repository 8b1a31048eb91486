/** A way of answering that has a name: what stands before the question and around it, and how the answer is made. */
export interface Role {
  readonly name: string;
  /** `built-in`: comes with this program. `user`: a file of the home folder, which wins over a built-in one of its name. */
  readonly source: 'built-in' | 'user';
  /** One line: what it is for. `''` = not told. */
  readonly summary: string;
  /** Instruction before the conversation, with places such as `{{language}}`. `null` = none. */
  readonly system: string | null;
  /** What stands around the question, which is `{{input}}`. `null` = the question as it is. */
  readonly prompt: string | null;
  /** Name of a model. `null` = the default. */
  readonly model: string | null;
  /** A JSON Schema, or the short notation of one, that the answer is held to. `null` = free text. */
  readonly schema: string | null;
  /** The answer is a list of what `schema` describes. */
  readonly schemaList: boolean;
  /** Of the answer only the first code block, or only the last, is printed. `null` = all of it. */
  readonly extract: 'first' | 'last' | null;
  /** Options of the answer, named as `-o` names them. */
  readonly options: Readonly<Record<string, RoleOption>>;
  /** Values of places that nobody gives with `-p`. */
  readonly defaults: Readonly<Record<string, string>>;
}

/** A value of an option in a role. A list is for `stop`. */
export type RoleOption = string | number | boolean | readonly string[];
