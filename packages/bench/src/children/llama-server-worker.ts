import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { measurePeer } from './measure-peer.ts';
import type { PeerAnswer, PeerOrders } from './measure-peer.ts';
import { readOrders } from './open-engine.ts';

/** The orders of the engines, and the program. */
export interface LlamaServerOrders extends PeerOrders {
  /** Absolute path of `llama-server`. */
  readonly server: string;
}

/** Longest wait for the server to be ready. */
const readyMsMax = 120_000;

const orders = readOrders() as LlamaServerOrders;
const port = await freePort();
const startedAt = performance.now();
const server = spawn(
  orders.server,
  [
    ['--model', orders.model, '--host', '127.0.0.1', '--port', String(port)],
    ['--threads', String(orders.threads), '--threads-batch', String(orders.threads)],
    ['--ctx-size', String(orders.contextTokens), '--parallel', '1', '--no-webui'],
    // The suite is one of processors, also where the program could do otherwise.
    ['--n-gpu-layers', '0'],
  ].flat(),
  // Its libraries lie beside it. For it alone: set for a whole shell, this breaks other users of the same libraries.
  { env: { ...process.env, LD_LIBRARY_PATH: dirname(orders.server) }, stdio: 'ignore' },
);
const exited = once(server, 'exit');
try {
  await untilReady();
  await measurePeer(orders, startedAt, { implementation: 'llama-server', ask });
} finally {
  server.kill('SIGTERM');
  await exited;
}

async function untilReady(): Promise<void> {
  while (server.exitCode === null && performance.now() - startedAt < readyMsMax) {
    if ((await statusOf('/health')) === 200) return;
    await sleep(5);
  }
  throw new Error(`${orders.server} was not ready within ${readyMsMax} ms; its exit code is ${server.exitCode}.`);
}

/** Status of a GET, or 0 while nobody listens. */
function statusOf(path: string): Promise<number> {
  return new Promise((resolve) => {
    // A reused socket meets ECONNRESET: the server closes it after each answer.
    request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    })
      .once('error', () => resolve(0))
      .end();
  });
}

function ask(prompt: string, maxTokens: number): Promise<PeerAnswer> {
  const body = JSON.stringify({ prompt, n_predict: maxTokens, temperature: 0, cache_prompt: true, stream: true });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const askedAt = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, path: '/completion', method: 'POST', agent: false, headers },
      (response) => {
        const tokensAt: number[] = [];
        let evaluatedTokens: number | undefined;
        let rest = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          const at = performance.now();
          const lines = (rest + text).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) {
            if (!line.startsWith('data: ')) continue;
            const event = JSON.parse(line.slice('data: '.length)) as {
              readonly stop?: boolean;
              readonly timings?: { readonly prompt_n: number };
            };
            if (event.stop === true) evaluatedTokens = event.timings?.prompt_n;
            else tokensAt.push(at);
          }
        });
        response.once('error', reject).once('end', () => {
          if (response.statusCode !== 200) reject(new Error(`llama-server answered ${response.statusCode}.`));
          else if (evaluatedTokens === undefined) reject(new Error('llama-server told no timings at its end.'));
          else resolve({ startedAt: askedAt, tokensAt, outputTokens: tokensAt.length, evaluatedTokens });
        });
      },
    );
    sent.once('error', reject).end(body);
  });
}

async function freePort(): Promise<number> {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port: free } = holder.address() as AddressInfo;
  holder.close();
  await once(holder, 'close');
  return free;
}
