import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isGemmaError } from '@gemma-cli/contracts';
import { expect, it } from 'vitest';
import { seededRandom } from './seeded-random.ts';

/** Something that takes any input. */
export interface FuzzSubject {
  /** The title of the test. */
  readonly name: string;
  /** So many inputs are drawn. */
  readonly inputs: number;
  readonly seed: number;
  /**
   * Draws an input and takes it. What is wrong throws; an error of this project's own is a right answer.
   *
   * @param about - Names seed and input.
   */
  readonly take: (random: () => number, about: string) => unknown;
}

/** No input takes longer, in milliseconds of the processor. What grows with the square of an input takes minutes. */
const cpuMsMax = 1_000;

/** The process with the test in it keeps no more, whatever came before. */
const memoryBytesMax = 512 * 2 ** 20;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** How long the test keeps the process to itself, in milliseconds: its runner wants to hear of it. */
const turnMs = 1_000;

/**
 * Declares that something takes any input: it answers or throws a `GemmaError`, within a second of the processor, and memory
 * stays bounded. An input follows from the seed and its number alone.
 */
export function fuzz({ name, inputs, seed, take }: FuzzSubject): void {
  it(`${name}, ${inputs} inputs (seed ${seed})`, { timeout: 120_000 + inputs * 20 }, async () => {
    let slowest = { ms: 0, input: -1 };
    let memoryBytes = 0;
    let turnEnds = performance.now() + turnMs;
    for (let input = 0; input < inputs; input++) {
      const about = `seed ${seed}, input ${input}`;
      const ms = await cpuMsOf(() => take(seededRandom(seed + Math.imul(input + 1, 0x9e_37_79_b1)), about), about);
      if (ms > slowest.ms) slowest = { ms, input };
      if (performance.now() < turnEnds) continue;
      memoryBytes = Math.max(memoryBytes, keptBytes());
      await setImmediate();
      turnEnds = performance.now() + turnMs;
    }
    expect(slowest.ms, `seed ${seed}: milliseconds of input ${slowest.input}, the slowest`).toBeLessThan(cpuMsMax);
    expect(Math.max(memoryBytes, keptBytes()), `seed ${seed}: memory`).toBeLessThan(memoryBytesMax);
  });
}

/** Takes one input within the bounds of {@link fuzz}. */
export async function expectTaken(take: () => unknown, about: string): Promise<void> {
  expect(await cpuMsOf(take, about), `${about}: milliseconds`).toBeLessThan(cpuMsMax);
  expect(keptBytes(), `${about}: memory`).toBeLessThan(memoryBytesMax);
}

async function cpuMsOf(take: () => unknown, about: string): Promise<number> {
  const begun = process.cpuUsage();
  try {
    const taken = take();
    if (taken instanceof Promise) await taken;
  } catch (error) {
    if (!isGemmaError(error) || error.code === 'INTERNAL') throw new Error(about, { cause: error });
  }
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / 1_000;
}

/** Memory of this process; garbage counts where it is not much. */
function keptBytes(): number {
  const bytes = process.memoryUsage.rss();
  if (bytes < memoryBytesMax) return bytes;
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
