import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { WorkerMessage, WorkerOperation, WorkerOperations } from '@gemma-cli/contracts/worker-protocol';
import {
  processRuns,
  readJournal,
  scriptedAnswer,
  scriptedWorker,
  tokenizeScripted,
  until,
  withTemporaryFolder,
} from '../src/index.ts';
import type { WorkerScript } from '../src/index.ts';

const sampling = { temperature: 0, topK: 40, topP: 1, minP: 0, repeatPenalty: 1, seed: 1 } as const;
const chat = { type: 'chat', messages: [{ role: 'user', content: 'hello there' }] } as const;

/** A worker driven by hand, without an engine. */
async function driven(
  script: WorkerScript,
  body: (worker: {
    readonly child: ChildProcess;
    readonly messages: WorkerMessage[];
    call<Operation extends WorkerOperation>(
      operation: Operation,
      params: WorkerOperations[Operation]['params'],
    ): Promise<WorkerOperations[Operation]['result']>;
  }) => Promise<void>,
): Promise<void> {
  const { module, args = [] } = scriptedWorker(script);
  const child = fork(module, args, { env: {}, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const exited = once(child, 'exit');
  const messages: WorkerMessage[] = [];
  child.on('message', (message: WorkerMessage) => messages.push(message));
  let lastId = 0;
  try {
    await body({
      child,
      messages,
      async call(operation, params) {
        const id = (lastId += 1);
        child.send({ type: 'call', id, operation, params });
        const answer = (): WorkerMessage | undefined =>
          messages.find((message) => (message.type === 'result' || message.type === 'failure') && message.id === id);
        await until(`call ${id} is answered`, () => answer() !== undefined);
        const message = answer();
        if (message?.type === 'failure') throw new Error(message.error.code);
        return (message as unknown as { result: never }).result;
      },
    });
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
}

const load = { path: 'x', contextTokens: 500, sequences: 2, threads: 1, runtimeFolder: null } as const;

describe('the scripted worker', () => {
  it('says ready once, with the protocol version', () =>
    driven({}, async ({ messages }) => {
      await until('it is ready', () => messages.length > 0);
      expect(messages).toEqual([{ type: 'ready', protocol: 1 }]);
    }));

  it('answers alike however a prompt is cut into calls, and in either of its sequences', () =>
    driven({}, async ({ call, messages }) => {
      await call('load', load);
      const { tokens } = await call('tokenize', { input: chat });
      expect(tokens).toEqual(tokenizeScripted(chat));
      const expected = scriptedAnswer(chat, sampling, 30);
      for (const [sequence, cut] of [
        [0, 0],
        [1, 7],
      ] as const) {
        const before = messages.length;
        if (cut > 0)
          expect(await call('evaluate', { sequence, tokens: tokens.slice(0, cut) })).toEqual({ length: cut });
        const result = await call('generate', { sequence, tokens: tokens.slice(cut), maxTokens: 30, sampling });
        const pieces = messages.slice(before).filter((message) => message.type === 'piece');
        const text = Buffer.concat(pieces.map(({ bytes = '' }) => Buffer.from(bytes, 'base64'))).toString();
        expect(text.replace(/\uFFFD$/u, '')).toBe(expected.text);
        expect(result).toEqual({
          reason: expected.reason,
          length: tokens.length + expected.tokens - (expected.reason === 'length' ? 1 : 0),
        });
      }
    }));

  it('answers differently when one token of the prompt, or the seed, differs', () => {
    const other = { type: 'chat', messages: [{ role: 'user', content: 'hello therf' }] } as const;
    const seeded = (seed: number): string => scriptedAnswer(chat, { temperature: 1, seed }, 60).text;
    expect(scriptedAnswer(other, sampling, 60).text).not.toBe(scriptedAnswer(chat, sampling, 60).text);
    expect(seeded(1)).not.toBe(seeded(2));
    expect(seeded(1)).toBe(seeded(1));
  });

  it('cuts a sequence as asked, or keeps less when its script says so', async () => {
    for (const [script, kept] of [
      [{}, 10],
      [{ cutLoss: 3 }, 7],
      [{ cutTokensMax: 2 }, 0],
    ] as const)
      await driven(script, async ({ call }) => {
        await call('load', load);
        await call('evaluate', { sequence: 0, tokens: tokenizeScripted(chat) });
        expect(await call('truncate', { sequence: 0, tokens: 10 })).toEqual({ kept });
      });
  });

  it('tells chunks of evaluation apart when it is batch-sensitive, and not otherwise', async () => {
    for (const batchSensitive of [false, true]) {
      const texts: string[] = [];
      for (const cut of [4, 9])
        await driven({ batchSensitive }, async ({ call, messages }) => {
          await call('load', load);
          const tokens = tokenizeScripted(chat);
          await call('evaluate', { sequence: 0, tokens: tokens.slice(0, cut) });
          await call('generate', { sequence: 0, tokens: tokens.slice(cut), maxTokens: 30, sampling });
          texts.push(JSON.stringify(messages.flatMap((message) => (message.type === 'piece' ? [message.token] : []))));
        });
      expect(texts[0] === texts[1]).toBe(!batchSensitive);
    }
  });

  it('obeys an abort between tokens, with the tokens so far in the sequence', () =>
    driven({ answer: { repeat: 'x', times: 400 }, pieceMs: 5 }, async ({ call, child, messages }) => {
      await call('load', load);
      const answering = call('generate', { sequence: 0, tokens: [1], maxTokens: 400, sampling });
      await until('pieces came', () => messages.filter(({ type }) => type === 'piece').length > 2);
      child.send({ type: 'call', id: 99, operation: 'abort', params: { call: 2 } });
      const { reason, length } = await answering;
      expect(reason).toBe('aborted');
      expect(length).toBeLessThan(400);
    }));

  it('says that its context is full instead of forgetting its beginning', () =>
    driven({ answer: { repeat: 'x', times: 400 } }, async ({ call }) => {
      await call('load', { ...load, contextTokens: 20 });
      await expect(call('generate', { sequence: 0, tokens: [1], maxTokens: 400, sampling })).rejects.toThrow(
        'ENGINE_FAILED',
      );
    }));

  it('strikes with a fault in the process that the script names, and notes it in the journal', () =>
    withTemporaryFolder(async (folder) => {
      const journal = join(folder, 'journal');
      const script: WorkerScript = {
        journal,
        faults: [{ at: 'load', do: 'exit', code: 7, process: 2, stderr: 'bye' }],
      };
      await driven(script, async ({ call }) => {
        expect(await call('load', load)).toMatchObject({ architecture: 'scripted', contextTokens: 500 });
      });
      await driven(script, async ({ child, messages }) => {
        await until('it is ready', () => messages.length > 0);
        child.send({ type: 'call', id: 1, operation: 'load', params: load });
        expect((await once(child, 'exit'))[0]).toBe(7);
      });
      expect(readJournal(journal).filter(({ event }) => event === 'spawn').length).toBe(2);
      expect(readJournal(journal).at(-1)).toMatchObject({ event: 'fault', action: 'exit' });
    }));

  it('hangs so that neither SIGTERM nor a closed channel ends it', () =>
    withTemporaryFolder(async (folder) => {
      const journal = join(folder, 'journal');
      await driven({ journal, faults: [{ at: 'load', do: 'hang' }] }, async ({ child, messages }) => {
        await until('it is ready', () => messages.length > 0);
        child.send({ type: 'call', id: 1, operation: 'load', params: load });
        await until('it hangs', () => readJournal(journal).some(({ event }) => event === 'fault'));
        await setTimeout(50);
        child.kill('SIGTERM');
        child.disconnect();
        // A process that obeys is gone long before; one that hangs has nothing else to show.
        await setTimeout(300);
        expect(processRuns(child.pid ?? 0)).toBe(true);
      });
    }));

  it('ends when its channel closes', () =>
    driven({}, async ({ child, messages }) => {
      await until('it is ready', () => messages.length > 0);
      child.disconnect();
      expect((await once(child, 'exit'))[0]).toBe(0);
    }));
});
