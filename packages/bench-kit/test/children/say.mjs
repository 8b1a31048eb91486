// Reports what its arguments say, so that a test can decide what a measured process does.
import { spawn } from 'node:child_process';
import { writeFileSync, writeSync } from 'node:fs';

const orders = JSON.parse(process.argv[2] ?? '{}');
for (const line of orders.report ?? []) writeSync(4, `${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
if (orders.environment !== undefined) {
  const seen = process.env[orders.environment] === undefined ? 0 : 1;
  writeSync(4, `${JSON.stringify({ type: 'sample', metric: 'seen', value: seen })}\n`);
}
if (orders.stdout !== undefined) process.stdout.write(orders.stdout);
if (orders.stderr !== undefined) process.stderr.write(orders.stderr);
if (orders.send !== undefined) writeSync(3, orders.send);
if (orders.leave !== undefined) {
  // A descendant that would outlive its parent and hold its streams open.
  const left = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
  writeFileSync(orders.leave, String(left.pid));
  left.unref();
}
if (orders.hang === true) setInterval(() => {}, 1000);
process.exitCode = orders.exitCode ?? 0;
if (orders.signal !== undefined) process.kill(process.pid, orders.signal);
