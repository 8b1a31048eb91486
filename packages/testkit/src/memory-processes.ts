import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ChildOrder, ChildReport } from './memory-child.ts';

/** Runs an order in a process of its own. */
export async function inChild(order: ChildOrder): Promise<ChildReport> {
  const child = fork(fileURLToPath(new URL('memory-child.js', import.meta.url)), {
    env: {},
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const stderr: string[] = [];
  child.stderr?.on('data', (data: Buffer) => stderr.push(data.toString()));
  const exited = once(child, 'exit');
  try {
    await Promise.race([once(child, 'message'), exited]);
    child.send(order);
    const reported = once(child, 'message');
    const [report] = (await Promise.race([reported, exited.then(() => [null])])) as [ChildReport | null];
    if (report === null) throw new Error(`A process with a memory ended early: ${stderr.join('')}`);
    await exited;
    return report;
  } finally {
    if (child.exitCode === null) child.kill('SIGKILL');
  }
}
