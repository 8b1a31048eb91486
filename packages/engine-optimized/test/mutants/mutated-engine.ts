import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Engine, EngineOptions, WorkerSpec } from '@gemma-cli/contracts';
import { mutants } from './mutants.ts';
import type { Mutant } from './mutants.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const sources = join(here, '../../src');

/** Where the changed copy of the sources lies, while its tests run. */
export function builtFolder(name: string): string {
  return join(here, 'built', name.replaceAll(' ', '-'));
}

/** Writes the changed copy of the sources of a mutant that needs one. Fails when the place to change is not there. */
export function buildMutant(name: string): void {
  const mutant = mutants[name];
  if (mutant?.in !== 'sources') return;
  const folder = builtFolder(name);
  rmSync(folder, { recursive: true, force: true });
  cpSync(sources, folder, { recursive: true });
  const path = join(folder, mutant.file);
  let text = readFileSync(path, 'utf8');
  for (const [find, replace] of mutant.changes) {
    if (text.split(find).length !== 2)
      throw new Error(
        `Mutant '${name}': expected '${find}' once in ${mutant.file}. Say in mutants.ts what is there now.`,
      );
    text = text.replace(find, () => replace);
  }
  writeFileSync(path, text);
}

/** The optimized engine with one defect; `none` is the engine as it is. */
export async function createMutated(name: string, options: EngineOptions): Promise<Engine> {
  const mutant: Mutant | { readonly in: 'nothing' } | undefined = name === 'none' ? { in: 'nothing' } : mutants[name];
  if (mutant === undefined) throw new Error(`There is no mutant ${name}.`);
  const folder = mutant.in === 'sources' ? builtFolder(name) : sources;
  if (!existsSync(folder)) throw new Error(`Mutant '${name}' is not built.`);
  const { createWarmEngine } = (await import(
    /* @vite-ignore */ join(folder, 'optimized-engine.ts')
  )) as typeof import('../../src/optimized-engine.ts');
  // What else runs on this machine decides nothing.
  const engine = await createWarmEngine(changeOptions(mutant, options), { createIdleMeter: () => () => undefined });
  const close = mutant.in === 'close' ? () => Promise.resolve() : () => engine.close();
  return {
    implementation: engine.implementation,
    generate: (request, callOptions) =>
      mutant.in === 'answers' ? mutant.generate(engine, request, callOptions) : engine.generate(request, callOptions),
    describe: (...given) => engine.describe(...given),
    countTokens: (...given) => engine.countTokens(...given),
    status: () => engine.status(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function changeOptions(mutant: Mutant | { readonly in: 'nothing' }, options: EngineOptions): EngineOptions {
  if (mutant.in === 'options') return mutant.options(options);
  if (mutant.in !== 'messages' || options.worker === undefined) return options;
  return { ...options, worker: relayed(options.worker, mutant.change) };
}

function relayed({ module, args = [] }: WorkerSpec, change: string): WorkerSpec {
  return { module: join(here, 'relay-worker.mjs'), args: [change, module, ...args] };
}
