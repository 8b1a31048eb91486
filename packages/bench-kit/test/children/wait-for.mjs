// Runs its argument as a script in a child and waits for it.
import { spawnSync } from 'node:child_process';

const { status } = spawnSync(process.execPath, ['-e', process.argv[2] ?? ''], { stdio: 'ignore' });
process.exitCode = status ?? 1;
