import type { EngineEvent, ModelFile, Prompt } from '@gemma-cli/contracts';
import { describe, expect, it } from 'vitest';
import { engineOnHosts } from '../src/engine-on-hosts.ts';
import { resolveEngineOptions } from '../src/engine-settings.ts';
import { singleSeat } from '../src/admission-queue.ts';
import type { ModelHost } from '../src/model-host.ts';

const dead: ModelFile = { path: '/dead/a.gguf' };
const sound: ModelFile = { path: '/sound/b.gguf' };
const prompt: Prompt = { type: 'completion', text: 'hello' };

/** A host that answers at once, except where a file lies on a drive that never says anything. */
function host(countTokens: ModelHost['countTokens'] = async () => 1): ModelHost {
  const seat = singleSeat();
  return {
    implementation: 'optimized',
    place: async (file) => (file.path.startsWith('/dead/') ? new Promise<never>(() => {}) : seat),
    async generate(_request, { emit, clock }) {
      const usage = { promptTokens: null, cachedTokens: null, evaluatedTokens: null, outputTokens: null };
      emit({ type: 'generation-end', reason: 'stop', usage, timings: clock.timings() });
    },
    describe: () => Promise.reject(new Error('not asked')),
    countTokens,
    processes: () => [],
    close: async () => {},
  };
}

function engineOf(hosts: ModelHost = host(), options: Parameters<typeof resolveEngineOptions>[0] = {}) {
  return engineOnHosts({ gguf: hosts, sbs: host() }, resolveEngineOptions(options));
}

async function read(events: AsyncIterable<EngineEvent>): Promise<readonly EngineEvent[]> {
  const seen: EngineEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

describe('engineOnHosts', () => {
  it('answers for one model while another lies on a drive that never answers', async () => {
    const engine = engineOf();
    const stuck = read(engine.generate({ model: dead, prompt }));
    stuck.catch(() => {});
    expect(await read(engine.generate({ model: sound, prompt }))).toMatchObject([{ reason: 'stop' }]);
    expect(engine.status().queued).toBe(1);
    await engine.close();
    await expect(stuck).rejects.toMatchObject({ code: 'ENGINE_CLOSED' });
  });

  it('lets a caller leave who waits for a drive that never answers', async () => {
    const engine = engineOf();
    const controller = new AbortController();
    const stuck = read(engine.generate({ model: dead, prompt }, { signal: controller.signal }));
    await new Promise((done) => setImmediate(done));
    controller.abort();
    expect(await stuck).toMatchObject([{ type: 'generation-end', reason: 'aborted' }]);
    await engine.close();
  });

  it('counts the tokens of a conversation with tools as it is told to the model', async () => {
    const told: Prompt[] = [];
    const base = host(async (_file, prompt) => told.push(prompt));
    const engine = engineOf({
      ...base,
      async generate(request, turn, place) {
        told.push(request.prompt);
        await base.generate(request, turn, place);
      },
    });
    const call = { id: 'call_1', name: 'get', arguments: '{}' };
    const chat: Prompt = {
      type: 'chat',
      messages: [
        { role: 'user', content: 'Go.' },
        { role: 'assistant', content: '', toolCalls: [call] },
        { role: 'tool', content: 'done', toolCallId: 'call_1' },
      ],
    };
    const tools = [{ name: 'get' }];
    await engine.countTokens(sound, chat, { tools });
    await read(engine.generate({ model: sound, prompt: chat, tools }));
    expect(told[0]).toEqual(told[1]);
    expect(JSON.stringify(told[0])).toContain('You can call these functions');
    expect(JSON.stringify(told[0])).not.toContain('"tool"');
    await engine.close();
  });

  it('gives up a drive that never answers at the deadline of loading', async () => {
    const engine = engineOf(host(), { loadMsMax: 5 });
    await expect(read(engine.generate({ model: dead, prompt }))).rejects.toMatchObject({ code: 'ENGINE_LOAD_TIMEOUT' });
    await engine.close();
  });
});
