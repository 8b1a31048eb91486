import { resolve } from 'node:path';

/** A reference that plainly means a file becomes its absolute path; every other one stays as it is. */
export function localPath(cwd: string, reference: string): string {
  const isFile =
    /^\.{1,2}[\\/]/.test(reference) || (/\.(gguf|sbs)$/i.test(reference) && !/^[a-z][a-z0-9+.-]+:/i.test(reference));
  return isFile ? resolve(cwd, reference) : reference;
}
