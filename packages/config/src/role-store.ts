import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { GemmaError, nearestNames } from '@gemma-cli/contracts';
import { builtInRoles } from './built-in-roles.ts';
import { readConfigText, writeConfigFile } from './config-file.ts';
import { isRoleName, readRole } from './role-file.ts';
import type { Role } from './role.ts';

/** A role that a list shows. */
export interface RoleEntry {
  readonly name: string;
  readonly source: Role['source'];
  /** A built-in role of the same name is hidden by this one. */
  readonly overrides: boolean;
  /** What is wrong with its file. `null` = nothing; then `role` is there. */
  readonly problem: GemmaError | null;
  readonly role: Role | null;
}

/** The text of a role, and where it is from. */
export interface RoleText {
  readonly text: string;
  readonly source: Role['source'];
  /** Where its file is, or would be. */
  readonly file: string;
}

/** Roles: those of a folder, and the built-in ones behind them. */
export interface RoleStore {
  /** Every role by name; a damaged file is listed with what is wrong. */
  list(): Promise<readonly RoleEntry[]>;
  /**
   * One role.
   *
   * @throws GemmaError `REQUEST_INVALID` when there is none, and what reading its file throws.
   */
  find(name: string): Promise<Role>;
  /** The text of a role; of one that does not exist, `undefined`. */
  text(name: string): Promise<RoleText | undefined>;
  /**
   * Writes a role, private to its owner, as a whole or not at all. The folder must exist.
   *
   * @throws GemmaError what reading the text as a role throws, `FILE_UNREADABLE`.
   */
  write(name: string, text: string): Promise<Role>;
  /**
   * Removes a role of the user. Gives whether a built-in one of its name is there again.
   *
   * @throws GemmaError `REQUEST_INVALID` when the user has none of this name.
   */
  remove(name: string): Promise<{ readonly builtIn: boolean }>;
  /** The path of the file of a role, whether or not it exists. */
  file(name: string): string;
}

const ending = '.toml';

/** Opens the roles of a folder, which need not exist. */
export function createRoleStore({ folder }: { readonly folder: string }): RoleStore {
  function file(name: string): string {
    if (isRoleName(name)) return join(folder, `${name}${ending}`);
    throw new GemmaError({
      code: 'REQUEST_INVALID',
      message: `Expected the name of a role: lower-case letters, digits, "_" and "-", at most 64, got ${JSON.stringify(name)}.`,
      facts: { role: name },
    });
  }

  async function userNames(): Promise<readonly string[]> {
    const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return entries
      .filter((entry) => entry.endsWith(ending))
      .map((entry) => entry.slice(0, -ending.length))
      .filter(isRoleName);
  }

  async function text(name: string): Promise<RoleText | undefined> {
    const path = file(name);
    const own = await readConfigText(path);
    if (own !== null) return { text: own, source: 'user', file: path };
    const builtIn = builtInOf(name);
    return builtIn === undefined ? undefined : { text: builtIn, source: 'built-in', file: path };
  }

  async function find(name: string): Promise<Role> {
    const found = await text(name);
    if (found !== undefined) return readRole(found.text, { name, source: found.source, file: found.file });
    const names = [...new Set([...Object.keys(builtInRoles), ...(await userNames())])];
    const [nearest] = nearestNames(name, names);
    throw new GemmaError({
      code: 'REQUEST_INVALID',
      message: `There is no role ${name}. ${nearest === undefined ? '`gemma role list` shows those that are there.' : `Did you mean ${nearest}?`}`,
      facts: { role: name, ...(nearest === undefined ? {} : { nearest }) },
    });
  }

  return {
    file,
    text,
    find,
    async list() {
      const own = await userNames();
      const names = [...new Set([...own, ...Object.keys(builtInRoles)])].toSorted();
      const entries: RoleEntry[] = [];
      for (const name of names) {
        const source = own.includes(name) ? 'user' : 'built-in';
        const overrides = source === 'user' && builtInOf(name) !== undefined;
        try {
          entries.push({ name, source, overrides, problem: null, role: await find(name) });
        } catch (error) {
          if (!(error instanceof GemmaError)) throw error;
          entries.push({ name, source, overrides, problem: error, role: null });
        }
      }
      return entries;
    },
    async write(name, content) {
      const path = file(name);
      const role = readRole(content, { name, source: 'user', file: path });
      await writeConfigFile(path, content);
      return role;
    },
    async remove(name) {
      const builtIn = builtInOf(name) !== undefined;
      try {
        await unlink(file(name));
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
        throw new GemmaError({
          code: 'REQUEST_INVALID',
          message: builtIn
            ? `${name} is a built-in role and stays. Write your own over it with \`gemma role edit ${name}\`.`
            : `You have no role ${name}. \`gemma role list\` shows those that are there.`,
          facts: { role: name },
        });
      }
      return { builtIn };
    },
  };
}

function builtInOf(name: string): string | undefined {
  return Object.hasOwn(builtInRoles, name) ? builtInRoles[name] : undefined;
}
