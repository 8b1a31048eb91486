import { ensureHome, homeLayout, loadConfig, memoryOptionsOf } from '@gemma-cli/config';
import type { LoadedConfig } from '@gemma-cli/config';
import type { ImplementationName, MemoryStore, Resolution } from '@gemma-cli/contracts';
import type { CommandContext, CommandInput } from '../../command.ts';
import { createLogPrinter } from '../../render/log-printer.ts';
import { createMemory } from '../../runtime/create-memory.ts';
import { printNotice } from '../print.ts';

/** Which memory answered, as `--json` tells it. */
export interface MemoryDescription {
  /** Where the memory lives. */
  readonly backend: MemoryStore['backend'];
  readonly requested: ImplementationName;
  readonly active: ImplementationName;
  /** Why `active` is not `requested`. Absent when they are the same. */
  readonly reason?: string;
}

/** A memory and the configuration it was opened with. */
export interface OpenedMemory {
  readonly memory: MemoryStore;
  readonly description: MemoryDescription;
  readonly loaded: LoadedConfig;
}

/** Opens the memory that a command names, hands it over, and closes it whatever happens. */
export async function withMemory<T>(
  context: CommandContext,
  input: CommandInput,
  work: (opened: OpenedMemory) => Promise<T>,
): Promise<T> {
  const { env, cwd, options } = context;
  await ensureHome(options.home);
  const loaded = await loadConfig({ home: options.home, cwd, env });
  for (const warning of loaded.warnings) printNotice(context, `gemma: ${warning}`);
  const log = createLogPrinter(input, context.stderr);
  const name = input.options['memory'];
  const { memory, resolution } = await createMemory({
    ...memoryOptionsOf(loaded.config, homeLayout(options.home).memory),
    ...(typeof name === 'string' ? { namespace: name } : {}),
    implementation: loaded.config.performance.useOptimizedRag ? 'optimized' : 'legacy',
    log: (message) => log({ level: 'info', message }),
  });
  try {
    const description = describeMemory(memory, resolution);
    if (description.reason !== undefined)
      printNotice(context, `gemma: Using the ${description.active} memory: ${description.reason}.`);
    return await work({ memory, description, loaded });
  } finally {
    await memory.close();
  }
}

/** What is told of a memory. */
function describeMemory(
  { backend }: Pick<MemoryStore, 'backend'>,
  { requested, active, reason }: Resolution,
): MemoryDescription {
  return { backend, requested, active, ...(reason === undefined ? {} : { reason }) };
}
