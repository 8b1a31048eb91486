// Starts a process and a thread that inherit its Node options, and waits for both.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

if (process.argv[2] === 'child') process.exit(0);
const [exitCode] = await once(fork(import.meta.filename ?? process.argv[1], ['child']), 'exit');
const [threadExitCode] = await once(new Worker('0', { eval: true }), 'exit');
process.exitCode = exitCode + threadExitCode;
