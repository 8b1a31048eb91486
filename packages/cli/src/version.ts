import { readFileSync, writeSync } from 'node:fs';

/** The version of this package. Read, not imported: an import of JSON would cost more than the read. */
export function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Whether the command line asks for nothing but the version. */
export function asksForVersion(argv: readonly string[]): boolean {
  return argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V');
}

/** Prints the version without making a stream, which costs more than everything else here. Gives the exit code. */
export function printVersion(): number {
  try {
    writeSync(1, `${readVersion()}\n`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // Nobody reads it any more.
    if (code === 'EPIPE') return 0;
    writeSync(2, `gemma: The output could not be written: ${message}\n`);
    return 1;
  }
  return 0;
}
