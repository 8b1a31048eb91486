// Compiles kernel/search-kernel.as and writes src/kernel-code.ts. The compiler is fetched when this is run: it is a hundred
// megabytes that only who changes the kernel needs.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const compiler = 'assemblyscript@0.28.20';
const source = fileURLToPath(new URL('../kernel/search-kernel.as', import.meta.url));
const target = fileURLToPath(new URL('../src/kernel-code.ts', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'gemma-kernel-'));
try {
  copyFileSync(source, join(folder, 'kernel.ts'));
  const options = '--runtime stub --importMemory --noExportMemory --enable simd -O3 --noAssert -o kernel.wasm'.split(
    ' ',
  );
  const { status, stdout, stderr } = spawnSync('npx', ['-y', '-p', compiler, 'asc', 'kernel.ts', ...options], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`The compiler ended with ${status}: ${stdout}${stderr}`);
  const code = readFileSync(join(folder, 'kernel.wasm')).toString('base64');
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex');
  writeFileSync(
    target,
    `// Made by scripts/build-kernel.mjs with ${compiler}: not to be changed by hand.

/** SHA-256 of the source that it was made of. */
export const kernelSource = '${hash}';

/** The module, in Base64. */
export const kernelCode =
  '${code}';
`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
