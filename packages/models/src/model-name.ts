import { GemmaError } from '@gemma-cli/contracts';

const namePattern = /^[a-z0-9][a-z0-9._-]*(?:\/[a-z0-9][a-z0-9._-]*)*(?::[a-z0-9][a-z0-9._-]*)?$/;
/** Longest folder name that every file system takes, less room for endings. */
const nameCharsMax = 200;
/** Device names that Windows does not allow as a folder. */
const reservedPattern = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/;

/** Names are compared and kept in lower case, without surrounding blanks. */
export function normalizeModelName(name: string): string {
  return name.trim().toLowerCase();
}

/** Whether a normalised name can be the name of an installed model. */
export function isModelName(name: string): boolean {
  return name.length <= nameCharsMax && namePattern.test(name) && !name.endsWith('.') && !reservedPattern.test(name);
}

/**
 * Normalises a name and refuses one that cannot be kept.
 *
 * @throws GemmaError `MODEL_REFERENCE_INVALID`.
 */
export function toModelName(name: string): string {
  const normalized = normalizeModelName(name);
  if (isModelName(normalized)) return normalized;
  throw new GemmaError({
    code: 'MODEL_REFERENCE_INVALID',
    message: `Expected a model name of letters, digits, ".", "_", "-", "/" and at most one ":", got ${JSON.stringify(name)}. Choose another with --name.`,
    facts: { name },
  });
}

/**
 * The folder of a model. `:` and `/` are not allowed in file names everywhere, `@` and `+` are, and neither occurs in a
 * name: so the folder tells the name back.
 */
export function modelNameToFolder(name: string): string {
  return name.replaceAll(':', '@').replaceAll('/', '+');
}

/** The name that a folder stands for; `undefined` for a folder that is no model. */
export function folderToModelName(folder: string): string | undefined {
  const name = folder.replaceAll('@', ':').replaceAll('+', '/');
  return isModelName(name) && modelNameToFolder(name) === folder ? name : undefined;
}
