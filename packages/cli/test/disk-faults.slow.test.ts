import { mkdir, rm, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  buildFaultDisk,
  describeUnless,
  faultEnvironment,
  missingFaultDisk,
  withTemporaryFolder,
} from '@gemma-cli/testkit';
import { expect, test } from 'vitest';
import { runNode, type Ended } from './run-node.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

type Errno = 'ENOSPC' | 'EACCES' | 'EROFS' | 'EMFILE' | 'EIO';

/** Where the disk refuses a command for good, with what, and how it ends then. */
interface Refusal {
  readonly at: string;
  readonly errno: Errno;
  /** `null` = it answers. */
  readonly code: string | null;
}

/** A memory that was closed has no log: each command begins one. */
const opening: readonly Refusal[] = [
  { at: 'file.open', errno: 'EACCES', code: 'MEMORY_UNAVAILABLE' },
  { at: 'file.open', errno: 'EROFS', code: 'MEMORY_UNAVAILABLE' },
  { at: 'log.open', errno: 'EMFILE', code: 'MEMORY_UNAVAILABLE' },
  { at: 'log.open', errno: 'ENOSPC', code: 'DISK_FULL' },
];
const writing: readonly Refusal[] = [
  ...opening,
  { at: 'log.write', errno: 'ENOSPC', code: 'DISK_FULL' },
  { at: 'log.sync', errno: 'ENOSPC', code: 'DISK_FULL' },
  { at: 'log.sync', errno: 'EIO', code: 'MEMORY_UNAVAILABLE' },
];
const commands: Readonly<Record<string, { readonly argv: readonly string[]; readonly refusals: readonly Refusal[] }>> =
  {
    'memory add': { argv: ['memory', 'add', 'A row more.'], refusals: writing },
    ingest: { argv: ['ingest', 'docs'], refusals: writing },
    search: {
      argv: ['search', 'green'],
      refusals: [
        ...opening,
        { at: 'file.open', errno: 'EIO', code: 'MEMORY_UNAVAILABLE' },
        // What cannot be kept of the index is done without.
        { at: 'segment.open', errno: 'ENOSPC', code: null },
      ],
    },
  };
const exitCodes: Readonly<Record<string, number>> = { DISK_FULL: 1, MEMORY_UNAVAILABLE: 4 };

describeUnless(missingFaultDisk, 'a command whose disk refuses', () => {
  test('says so by its code and exit code, and the memory opens with all that it had', () =>
    withTemporaryFolder(async (folder) => {
      const library = await buildFaultDisk(folder);
      const memory = join(folder, 'home', 'data', 'memory');
      const gemma = (argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
        runNode(bin, [...argv, '--json'], { cwd: folder, env: { GEMMA_HOME: join(folder, 'home'), ...env } });
      const json = async (argv: readonly string[]): Promise<unknown> => {
        const { code, stdout, stderr } = await gemma(argv);
        expect(code, `${argv.join(' ')}: ${stderr}${stdout}`).toBe(0);
        return JSON.parse(stdout);
      };
      await mkdir(join(folder, 'docs'));
      await writeFile(join(folder, 'docs', 'a.md'), '# Tea\n\nGreen tea is brewed at eighty degrees.\n');
      await json(['memory', 'add', 'Green is acknowledged.', '--tier', 'semantic']);
      for (const [name, { argv, refusals }] of Object.entries(commands))
        for (const { at, errno, code } of refusals) {
          const scratch = join(folder, 'scratch');
          await rm(scratch, { recursive: true, force: true });
          await mkdir(scratch);
          const refusal = `${at}:1:${constants.errno[errno]}+`;
          const plan = errno === 'ENOSPC' ? `${refusal};other.write:1:${constants.errno[errno]}+` : refusal;
          const env = faultEnvironment(library, { folder: memory, scratch, plan });
          const ended = await gemma(argv, env);
          const about = `${name}, ${at} ${errno}: ${ended.stderr}${ended.stdout}`;
          expect(ended.code, about).toBe(code === null ? 0 : exitCodes[code]);
          if (code !== null) expect(JSON.parse(ended.stdout), about).toMatchObject({ error: { code } });
        }
      expect(await json(['memory', 'verify'])).toMatchObject({ ok: true, problems: [] });
      expect(await json(['search', 'acknowledged'])).toMatchObject({ hits: [{ text: 'Green is acknowledged.' }] });
      expect(await json(['ingest', 'docs'])).toMatchObject({ documents: 1, skipped: [] });
      expect(await json(['search', 'eighty'])).toMatchObject({ hits: [{ kind: 'document' }] });
    }));
});
