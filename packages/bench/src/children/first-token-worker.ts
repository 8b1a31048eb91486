import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { reportSample } from '@gemma-cli/bench-kit';
import type { Engine, EngineModule, GenerationEnd, ImplementationName } from '@gemma-cli/contracts';
import { inspectModelFile } from '@gemma-cli/models';

/** What one run is to do; its only argument, as JSON. */
export interface FirstTokenOrders {
  readonly engine: ImplementationName;
  /** Absolute path of the model file. */
  readonly model: string;
  /** Default: the engine's choice. */
  readonly threads?: number;
  /** A module in place of the engine package. Absolute path. */
  readonly engineModule?: string;
}

const engines: Readonly<Record<ImplementationName, () => Promise<EngineModule>>> = {
  legacy: () => import('@gemma-cli/engine'),
  optimized: () => import('@gemma-cli/engine-optimized'),
};

/** About 500 tokens that two questions share: what a long conversation or a document before a question is. */
const passage = Array.from(
  { length: 19 },
  (_, day) =>
    `Day ${day + 1}: the keeper of the lighthouse wrote down the wind, the height of the waves and ${day + 3} ships.`,
).join('\n');

const orders = JSON.parse(process.argv[2] ?? '') as FirstTokenOrders;
const { create } =
  orders.engineModule === undefined
    ? await engines[orders.engine]()
    : ((await import(pathToFileURL(orders.engineModule).href)) as EngineModule);
// With the header check before every load, as the command does it.
const engine = await create({ checkModel: inspectModelFile, threads: orders.threads });
try {
  const cold = await answer(engine, 'The capital of France is', 16);
  const second = await answer(engine, 'Once upon a time there was', 48);
  const long = await answer(engine, `${passage}\nOn the first day the keeper`, 8);
  const followUp = await answer(engine, `${passage}\nOn the last day the ships`, 8);

  const { implementation } = engine;
  const { usage } = followUp.end;
  const { tpotMs } = second.end.timings;
  reportSample({ metric: 'coldTtftMs', value: cold.ttftMs, implementation });
  reportSample({ metric: 'secondTtftMs', value: second.ttftMs, implementation });
  reportSample({ metric: 'longTtftMs', value: long.ttftMs, implementation });
  reportSample({ metric: 'followUpTtftMs', value: followUp.ttftMs, implementation });
  reportSample({
    metric: 'decodeTokensPerSecond',
    value: tpotMs === null || tpotMs <= 0 ? null : 1000 / tpotMs,
    implementation,
  });
  reportSample({ metric: 'followUpPromptTokens', value: usage.promptTokens, implementation });
  reportSample({ metric: 'followUpCachedTokens', value: usage.cachedTokens, implementation });
  reportSample({ metric: 'followUpEvaluatedTokens', value: usage.evaluatedTokens, implementation });
  reportSample({ metric: 'modelPeakRssMiB', value: followUp.peakRssMiB, implementation });
} finally {
  await engine.close();
}

interface Answer {
  /** From the request to the first text that reached this process. */
  readonly ttftMs: number;
  /** The most memory of the model process so far. `null` where the system does not tell. */
  readonly peakRssMiB: number | null;
  readonly end: GenerationEnd;
}

async function answer(engine: Engine, text: string, maxTokens: number): Promise<Answer> {
  const startMs = performance.now();
  let ttftMs: number | null = null;
  let peakRssMiB: number | null = null;
  let end: GenerationEnd | null = null;
  const request = {
    model: { path: orders.model },
    prompt: { type: 'completion', text },
    sampling: { temperature: 0, seed: 1 },
    contextTokens: 2048,
    maxTokens,
  } as const;
  for await (const event of engine.generate(request)) {
    if (event.type === 'text-delta') {
      ttftMs ??= performance.now() - startMs;
      peakRssMiB ??= modelPeakRssMiB(engine);
    } else if (event.type === 'generation-end') {
      end = event;
    }
  }
  if (ttftMs === null || end === null)
    throw new Error(`No text came for the prompt that begins "${text.slice(0, 30)}".`);
  return { ttftMs, peakRssMiB, end };
}

/** Asked at the first token of the last prompt, when all that is to be loaded is loaded. */
function modelPeakRssMiB(engine: Engine): number | null {
  const pid = engine.status().processes[0]?.pid;
  if (process.platform !== 'linux' || pid === undefined) return null;
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) / 1024;
}
