import { createInterface } from 'node:readline/promises';
import { ensureHome } from '@gemma-cli/config';
import { GemmaError } from '@gemma-cli/contracts';
import type { CommandContext, CommandDefinition } from '../command.ts';
import { listRuntimes, readRuntimeRecord, runtimeFolderOf } from './find-runtime.ts';
import { llamaVersion, planLlamaRuntime, thisMachine } from './llama-runtime-packages.ts';
import type { LlamaGpu } from './llama-runtime-packages.ts';
import { formatBytes, printJson, printLine, printNotice, printTable } from './print.ts';
import { usageError } from './usage-error.ts';

const installCommand: CommandDefinition = {
  name: 'install',
  summary: 'Install a native runtime into the home folder, with your own npm.',
  arguments: [{ name: 'RUNTIME', summary: 'llama: llama.cpp, for .gguf models.', required: true, choices: ['llama'] }],
  options: [
    {
      long: 'gpu',
      value: 'LIBRARY',
      choices: ['cuda', 'vulkan'],
      summary: 'Add a build for graphics cards: several hundred megabytes. Default: none.',
    },
    { long: 'yes', short: 'y', summary: 'Do not ask.' },
    { long: 'force', summary: 'Install again, even if it is there.' },
  ],
  examples: [
    {
      command: 'gemma runtime install llama',
      effect: `installs llama.cpp by node-llama-cpp ${llamaVersion}, about 85 MB`,
    },
    { command: 'gemma runtime install llama --gpu cuda --yes', effect: 'adds the CUDA build and does not ask' },
  ],
  async run(context, { arguments: [runtime], options }) {
    if (runtime !== 'llama') throw usageError(`Expected the runtime llama, got ${JSON.stringify(runtime)}.`);
    return installLlama(context, {
      gpu: options['gpu'] as LlamaGpu | undefined,
      yes: options['yes'] === true,
      force: options['force'] === true,
    });
  },
};

const listCommand: CommandDefinition = {
  name: 'list',
  aliases: ['ls'],
  summary: 'List native runtimes and which one is used.',
  examples: [{ command: 'gemma runtime list', effect: 'shows version, place and whether it is the one that answers' }],
  async run(context) {
    const runtimes = await listRuntimes(context.options.home);
    if (context.options.json) printJson(context.stdout, { runtimes });
    else if (runtimes.length === 0) {
      printNotice(context, 'No runtime is installed. Install one with `gemma runtime install llama`.');
    } else {
      printTable(
        context.stdout,
        ['RUNTIME', 'VERSION', 'GPU', 'USED', 'PLACE'],
        runtimes.map(({ folder, version, llamaCppRelease, record, active }) => [
          `llama.cpp ${llamaCppRelease ?? ''}`,
          `node-llama-cpp ${version}`,
          record === null ? '?' : (record.gpu ?? 'none'),
          active ? 'yes' : 'no',
          folder ?? 'beside this program',
        ]),
      );
    }
    return 0;
  },
};

/** `gemma runtime`: the native programs that compute. */
export const runtimeCommand: CommandDefinition = {
  name: 'runtime',
  summary: 'Install and list the native runtimes that compute.',
  subcommands: [installCommand, listCommand],
  examples: [{ command: 'gemma runtime install llama', effect: 'installs what runs .gguf models' }],
};

interface InstallChoice {
  readonly gpu: LlamaGpu | undefined;
  readonly yes: boolean;
  readonly force: boolean;
}

async function installLlama(context: CommandContext, { gpu, yes, force }: InstallChoice): Promise<number> {
  const { env, signal, options } = context;
  const plan = planLlamaRuntime(thisMachine(), gpu);
  const folder = runtimeFolderOf(options.home);
  const present = await readRuntimeRecord(folder);
  if (present !== null && !force && (gpu === undefined || present.gpu === gpu)) {
    if (options.json) printJson(context.stdout, { runtime: present, folder, alreadyInstalled: true });
    else printNotice(context, `llama.cpp (node-llama-cpp ${present.version}) is already installed in ${folder}.`);
    return 0;
  }
  const size = gpu === undefined ? `about ${formatBytes(plan.aboutBytes)}` : `up to ${formatBytes(plan.aboutBytes)}`;
  printNotice(
    context,
    `llama.cpp for ${plan.platform}${gpu === undefined ? '' : ` with ${gpu}`} (node-llama-cpp ${llamaVersion}): ${size} in ${folder}, fetched by npm.`,
  );
  if (!yes && !(await isAgreed(context))) {
    throw new GemmaError({ code: 'ABORTED', message: 'Nothing was installed.' });
  }
  await ensureHome(options.home);
  printNotice(context, 'Installing …');
  const { installLlamaRuntime } = await import('./install-llama-runtime.ts');
  const record = await installLlamaRuntime({ home: options.home, plan, gpu, env, signal });
  if (options.json) printJson(context.stdout, { runtime: record, folder, alreadyInstalled: false });
  else printNotice(context, `Installed and tried: llama.cpp (node-llama-cpp ${record.version}).`);
  return 0;
}

/** Asks on a terminal. Without one nobody can answer, and the command itself was the wish. */
async function isAgreed({ stdin, stderr, signal, options }: CommandContext): Promise<boolean> {
  if (stdin.isTTY !== true || stderr.isTTY !== true || options.json) return true;
  const question = createInterface({ input: stdin, output: stderr, terminal: true });
  // Ctrl-C at the question is for the question's own interface to see.
  const stopped = new AbortController();
  question.once('SIGINT', () => stopped.abort());
  question.once('close', () => stopped.abort());
  try {
    const answer = await question.question('Install it? [Y/n] ', { signal: AbortSignal.any([signal, stopped.signal]) });
    return /^(y|yes|)$/i.test(answer.trim());
  } catch (error) {
    if ((error as Error).name !== 'AbortError') throw error;
    printLine(stderr, '');
    return false;
  } finally {
    question.close();
  }
}
