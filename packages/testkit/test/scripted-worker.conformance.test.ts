import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { WorkerMessage, WorkerOperation, WorkerOperations } from '@gemma-cli/contracts/worker-protocol';
import {
  processRuns,
  readJournal,
  samplingOff,
  scriptedAnswer,
  scriptedLogprobs,
  scriptedWorker,
  tokenizeScripted,
  until,
  withTemporaryFolder,
} from '../src/index.ts';
import type { WorkerScript } from '../src/index.ts';

const sampling = { ...samplingOff, temperature: 0, topK: 40, seed: 1 } as const;
/** What a plain `generate` asks for beside its tokens. */
const plain = { sampling, alone: false, grammar: null, logprobs: null, speculation: null } as const;
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

const load = {
  path: 'x',
  contextTokens: 500,
  sequences: 2,
  threads: 1,
  runtimeFolder: null,
  purpose: 'generate',
  compactCache: false,
} as const;

describe('the scripted worker', () => {
  it('says ready once, with the protocol version', () =>
    driven({}, async ({ messages }) => {
      await until('it is ready', () => messages.length > 0);
      expect(messages).toEqual([{ type: 'ready', protocol: 2 }]);
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
          expect(await call('evaluate', { sequence, tokens: tokens.slice(0, cut), alone: false })).toMatchObject({
            length: cut,
            batchTokens: cut,
          });
        const result = await call('generate', { sequence, tokens: tokens.slice(cut), maxTokens: 30, ...plain });
        const pieces = messages.slice(before).filter((message) => message.type === 'piece');
        const text = Buffer.concat(pieces.map(({ bytes = '' }) => Buffer.from(bytes, 'base64'))).toString();
        expect(text.replace(/\uFFFD$/u, '')).toBe(expected.text);
        expect(result).toEqual({
          reason: expected.reason,
          length: tokens.length + expected.tokens - (expected.reason === 'length' ? 1 : 0),
          draftedTokens: 0,
          acceptedTokens: 0,
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
        await call('evaluate', { sequence: 0, tokens: tokenizeScripted(chat), alone: false });
        expect(await call('truncate', { sequence: 0, tokens: 10 })).toEqual({ kept });
      });
  });

  it('comes back to the nearest checkpoint when a cut is too far back, and keeps only the newest ones', () =>
    driven({ cutTokensMax: 2 }, async ({ call }) => {
      await call('load', load);
      const tokens = tokenizeScripted({ type: 'text', text: 'x'.repeat(39) });
      for (const from of [0, 10, 20, 30]) {
        await call('evaluate', { sequence: 0, tokens: tokens.slice(from, from + 10), alone: false });
        expect(await call('checkpoint', { sequence: 0, keepMax: 2 })).toEqual({ bytes: 64 * (from + 10) });
      }
      await call('evaluate', { sequence: 0, tokens: [20, 21, 22, 23], alone: false });
      expect(await call('truncate', { sequence: 0, tokens: 42 })).toEqual({ kept: 42 });
      // The window slid to 44 all the same: two tokens back from there is as far as it goes.
      expect(await call('truncate', { sequence: 0, tokens: 41 })).toEqual({ kept: 40 });
      expect(await call('truncate', { sequence: 0, tokens: 37 })).toEqual({ kept: 30 });
      expect(await call('truncate', { sequence: 0, tokens: 29 })).toEqual({ kept: 29 });
      expect(await call('truncate', { sequence: 0, tokens: 25 })).toEqual({ kept: 0 });
    }));

  it('computes for every sequence that waits in each batch, and for one that is alone by itself', () =>
    withTemporaryFolder(async (folder) => {
      const journal = join(folder, 'journal');
      const script: WorkerScript = { journal, journalBatches: true, answer: { repeat: 'x', times: 40 }, pieceMs: 1 };
      await driven(script, async ({ call }) => {
        await call('load', { ...load, sequences: 3 });
        await Promise.all(
          [0, 1, 2].map((sequence) =>
            call('generate', { sequence, tokens: [1], maxTokens: 40, ...plain, alone: sequence === 2 }),
          ),
        );
      });
      const batches = readJournal(journal).flatMap((entry) => (entry.event === 'batch' ? [entry.shares] : []));
      const members = batches.map((shares) => shares.map(({ sequence }) => sequence));
      for (const sequences of members) if (sequences.includes(2)) expect(sequences).toEqual([2]);
      expect(members.filter((sequences) => sequences.length === 2).length).toBeGreaterThan(30);
      // From when all three are there, nobody is ever more than two batches of the others ahead.
      const done = [0, 0, 0];
      let before: readonly number[] | undefined;
      for (const sequences of members) {
        for (const sequence of sequences) done[sequence] = (done[sequence] ?? 0) + 1;
        if (Math.min(...done) > 0) before ??= [...done];
        // The calls need not have come at the same time, so the last one may go on alone at the end.
        if (before === undefined || Math.max(...done) >= 40) continue;
        const ahead = done.map((count, sequence) => count - (before?.[sequence] ?? 0));
        expect(Math.max(...ahead) - Math.min(...ahead)).toBeLessThanOrEqual(2);
      }
      expect(before).toBeDefined();
    }));

  it('tells of each batch what it took, also when other work makes it slow, and takes threads at once', () =>
    driven(
      {
        timeScale: 0,
        answer: { repeat: 'x', times: 30 },
        pieceMs: 10,
        evaluateMsPerToken: 2,
        contention: [{ fromToken: 4, toToken: 8, msPerTokenByThreads: { 1: 20, 2: 300 } }],
      },
      async ({ call, messages }) => {
        await call('load', { ...load, threads: 3 });
        expect(await call('evaluate', { sequence: 0, tokens: [1, 20, 21], alone: false })).toEqual({
          length: 3,
          ms: 6,
          batchTokens: 3,
        });
        await call('generate', { sequence: 0, tokens: [22], maxTokens: 12, ...plain });
        const ms = (): unknown[] => messages.flatMap((message) => (message.type === 'piece' ? [message.ms] : []));
        expect(ms()).toEqual([2, 10, 10, 10, 10, 300, 300, 300, 300, 10, 10, 10]);
        expect(await call('set-threads', { threads: 1 })).toEqual({ threads: 1 });
      },
    ));

  it('makes a sequence hold what another one holds', () =>
    driven({}, async ({ call, messages }) => {
      await call('load', load);
      const { tokens } = await call('tokenize', { input: chat });
      await call('evaluate', { sequence: 0, tokens, alone: false });
      expect(await call('copy', { from: 0, to: 1, tokens: tokens.length - 1 })).toEqual({ kept: tokens.length - 1 });
      await call('generate', { sequence: 1, tokens: tokens.slice(-1), maxTokens: 30, ...plain });
      const bytes = messages.flatMap((message) => (message.type === 'piece' ? [message.bytes ?? ''] : []));
      const text = Buffer.concat(bytes.map((part) => Buffer.from(part, 'base64'))).toString();
      expect(text.replace(/\uFFFD$/u, '')).toBe(scriptedAnswer(chat, sampling, 30).text);
    }));

  it('saves a state and takes it back in another process; a damaged one is refused, one of another model goes wrong', () =>
    withTemporaryFolder(async (folder) => {
      const paths = { model: join(folder, 'a.gguf'), other: join(folder, 'b.gguf'), state: join(folder, 'state') };
      await Promise.all([writeFile(paths.model, 'GGUF a'), writeFile(paths.other, 'GGUF b')]);
      const tokens = tokenizeScripted(chat);
      const expected = scriptedAnswer(chat, sampling, 30).text;
      await driven({}, async ({ call }) => {
        await call('load', { ...load, path: paths.model });
        await call('evaluate', { sequence: 0, tokens, alone: false });
        expect(await call('save-state', { sequence: 0, path: paths.state })).toMatchObject({ tokens: tokens.length });
      });
      for (const path of [paths.model, paths.other])
        await driven({ encoding: 'text' }, async ({ call, messages }) => {
          await call('load', { ...load, path });
          expect(await call('load-state', { sequence: 1, path: paths.state, tokens: tokens.slice(0, -1) })).toEqual({
            kept: tokens.length - 1,
          });
          await call('generate', { sequence: 1, tokens: tokens.slice(-1), maxTokens: 30, ...plain });
          const text = messages.flatMap((message) => (message.type === 'piece' ? [message.text] : [])).join('');
          expect(text === expected).toBe(path === paths.model);
        });
      await writeFile(paths.state, 'half a state');
      await driven({ faults: [{ at: 'save-state', do: 'disk-full' }] }, async ({ call }) => {
        await call('load', { ...load, path: paths.model });
        await expect(call('load-state', { sequence: 0, path: paths.state, tokens })).rejects.toThrow('ENGINE_FAILED');
        const full = { sequence: 0, path: join(folder, 'full') };
        await expect(call('save-state', full)).rejects.toThrow('DISK_FULL');
      });
    }));

  it('says what the script has for a grammar, tells log-probabilities, counts its guesses', () =>
    withTemporaryFolder(async (folder) => {
      const journal = join(folder, 'journal');
      await driven({ journal, grammarAnswer: '{"a":1}', encoding: 'text' }, async ({ call, messages }) => {
        await call('load', load);
        const grammar = 'root ::= "{" [^}]* "}"';
        const speaking = { sequence: 0, tokens: [1], maxTokens: 30, ...plain, grammar, logprobs: 2 };
        await expect(call('generate', { ...speaking, grammar: 'start ::= "x"' })).rejects.toThrow('GRAMMAR_INVALID');
        await expect(call('generate', { ...speaking, speculation: 'draft' })).rejects.toThrow('ENGINE_FAILED');
        await call('load-draft', { path: 'small' });
        expect(await call('generate', { ...speaking, speculation: 'draft' })).toMatchObject({
          draftedTokens: 6,
          acceptedTokens: 5,
        });
        const pieces = messages.filter((message) => message.type === 'piece');
        expect(pieces.map(({ text }) => text).join('')).toBe('{"a":1}');
        expect(pieces[0]?.logprobs).toEqual(scriptedLogprobs(Buffer.from('{'), 2));
        const noted = readJournal(journal);
        expect(noted.findLast((entry) => entry.event === 'call')).toMatchObject({ params: { grammar } });
        expect(noted).toContainEqual(expect.objectContaining({ event: 'speculation', drafted: 6, accepted: 5 }));
      });
    }));

  it('embeds texts as vectors that depend on their tokens and are not normalised, and ranks passages', () =>
    driven({ capabilities: { embeddings: true, ranking: true } }, async ({ call }) => {
      expect(await call('load', { ...load, purpose: 'embed' })).toMatchObject({
        embedding: { dimensions: 8, pooling: 'mean' },
      });
      const inputs = ['one', 'two', 'one'].map((text) => tokenizeScripted({ type: 'text', text }));
      const { vectors } = await call('embed', { inputs });
      expect(vectors[0]).toBe(vectors[2]);
      expect(vectors[0]).not.toBe(vectors[1]);
      const bytes = Buffer.from(vectors[0] ?? '', 'base64');
      const vector = Array.from({ length: 8 }, (_, place) => bytes.readFloatLE(4 * place));
      expect(Math.abs(Math.hypot(...vector) - 1)).toBeGreaterThan(0.01);
      const ranked = await call('rank', {
        query: 'red house',
        passages: ['a red house', 'a tree', 'a house'],
        truncate: false,
      });
      expect(ranked).toEqual({ scores: [1, -1, 0] });
    }));

  it('grows in memory as its script says', () =>
    driven({ memory: { residentBytes: 1_000, anonymousBytes: 100, growthBytes: 7 } }, async ({ call }) => {
      await call('load', load);
      await call('generate', { sequence: 0, tokens: [1], maxTokens: 2, ...plain });
      expect(await call('memory', {})).toEqual({ resident: 1_007, anonymous: 107 });
    }));

  it('tells chunks of evaluation apart when it is batch-sensitive, and not otherwise', async () => {
    for (const batchSensitive of [false, true]) {
      const texts: string[] = [];
      for (const cut of [4, 9])
        await driven({ batchSensitive }, async ({ call, messages }) => {
          await call('load', load);
          const tokens = tokenizeScripted(chat);
          await call('evaluate', { sequence: 0, tokens: tokens.slice(0, cut), alone: false });
          await call('generate', { sequence: 0, tokens: tokens.slice(cut), maxTokens: 30, ...plain });
          texts.push(JSON.stringify(messages.flatMap((message) => (message.type === 'piece' ? [message.token] : []))));
        });
      expect(texts[0] === texts[1]).toBe(!batchSensitive);
    }
  });

  it('obeys an abort between tokens, with the tokens so far in the sequence', () =>
    driven({ answer: { repeat: 'x', times: 400 }, pieceMs: 5 }, async ({ call, child, messages }) => {
      await call('load', load);
      const answering = call('generate', { sequence: 0, tokens: [1], maxTokens: 400, ...plain });
      await until('pieces came', () => messages.filter(({ type }) => type === 'piece').length > 2);
      child.send({ type: 'call', id: 99, operation: 'abort', params: { call: 2 } });
      const { reason, length } = await answering;
      expect(reason).toBe('aborted');
      expect(length).toBeLessThan(400);
    }));

  it('says that its context is full instead of forgetting its beginning', () =>
    driven({ answer: { repeat: 'x', times: 400 } }, async ({ call }) => {
      await call('load', { ...load, contextTokens: 20 });
      await expect(call('generate', { sequence: 0, tokens: [1], maxTokens: 400, ...plain })).rejects.toThrow(
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
