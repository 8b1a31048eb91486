import { homedir } from 'node:os';
import type { Client } from '@gemma-cli/app';
import { resolveHome } from '@gemma-cli/config';
import { GemmaError, type WorkerSpec } from '@gemma-cli/contracts';
import { exitCodeOf, typedError } from '../render/render-error.ts';
import { connectionProtocol } from '../thin/answer-once.ts';
import type { AskLine, ClientLine, Connection, Frame } from '../thin/connection.ts';
import { createLineQueue } from './line-queue.ts';
import { openClient } from './open-client.ts';
import { resolveFlags } from './resolve-flags.ts';

/**
 * A connection whose other side is this process: it understands the same lines as a warm process would. One question at
 * a time.
 */
export async function connectInProcess({ worker }: { readonly worker: WorkerSpec | undefined }): Promise<Connection> {
  const queue = createLineQueue();
  const controller = new AbortController();
  let client: Client | undefined;
  let work: Promise<void> | undefined;

  function push(frame: Frame): void {
    queue.push(JSON.stringify(frame));
  }

  async function answer({ cwd, env, flags, prompt }: AskLine): Promise<void> {
    try {
      client = await openClient({
        cwd,
        env,
        flags,
        // One question: contexts for more of them would only be made and thrown away.
        slots: 1,
        worker,
        warn: (message) => push({ type: 'log', level: 'warn', message }),
        log: (message) => push({ type: 'log', level: 'info', message }),
      });
      const { extract, ...request } = await resolveFlags(flags, { home: resolveHome(env, homedir()) });
      if (extract !== null) push({ type: 'style', extract });
      for await (const event of client.ask({ prompt, ...request }, { signal: controller.signal })) {
        push(event);
        await queue.drained();
      }
    } catch (error) {
      const problem = typedError(error).toJSON();
      push({ type: 'error', error: problem, exitCode: exitCodeOf(problem) });
    } finally {
      queue.end();
    }
  }

  return {
    send(text) {
      const line = JSON.parse(text) as ClientLine;
      if (line.type === 'abort') controller.abort();
      else if (line.protocol !== connectionProtocol || work !== undefined) {
        throw new GemmaError({
          code: 'INTERNAL',
          message: 'Expected one question of the current protocol on a connection.',
        });
      } else work = answer(line);
    },
    lines: queue.lines,
    async close() {
      controller.abort();
      queue.end();
      await work;
      await client?.close();
    },
  };
}
