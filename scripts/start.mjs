// `npm start`: from a fresh clone to an answer of a real Gemma about this project's own documentation, with nothing but Node
// and npm. Each step says on stderr what it does and how long it took; stdout carries the answer alone.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { duration, environmentWithPnpm, root, run } from './tools.mjs';

const gemma = [process.execPath, join(root, 'packages', 'cli', 'dist', 'bin.js')];

/** The models to try, best first. */
const models = [
  { name: 'gemma3:270m', note: '' },
  {
    name: 'gemma3:270m-base',
    note:
      'gemma3:270m, which answers questions, cannot be had from here. ' +
      'gemma3:270m-base is the same model before it was taught to chat: it goes on with the text you write.',
  },
];

/** What is asked when nobody sits at a terminal. */
const question = 'What does Ctrl-C do?';

/**
 * The memory that the documentation is ingested into: one for each clone, beside the user's own, which it never touches. A
 * second run finds it unchanged.
 */
const memory = `gemma-docs-${createHash('sha256').update(root).digest('hex').slice(0, 6)}`;

let env = process.env;
await step('prepare', 'pnpm, by npx', async () => {
  env = environmentWithPnpm();
});
await step('install', 'the packages of the workspace', () =>
  must(['pnpm', 'install', '--frozen-lockfile', '--prefer-offline']),
);
await step('build', 'every package', () =>
  must(['pnpm', 'exec', 'turbo', 'run', 'build', '--output-logs=errors-only', '--ui=stream']),
);
const model = await step('model', 'a real Gemma 3 270M', findModel);

await step('documents', `docs/, into the memory ${memory}`, () =>
  must([...gemma, 'ingest', 'docs', '--memory', memory]),
);

if (process.stdin.isTTY) {
  // Ctrl-C is the chat's: it stops an answer first and the program second.
  process.on('SIGINT', () => {});
  say(`chat: ask something about gemma, such as “${question}”; /sources shows what an answer rests on, /exit ends`);
  process.exitCode = (await run([...gemma, 'chat', '-m', model.name, '--memory', memory], { stdin: true })).code;
} else {
  say(`ask: stdin is not a terminal, so here is one built-in question about docs/: ${question}`);
  process.exitCode = await ask();
}

/** Asks the question; the answer goes to stdout while it comes. Says whether anything in docs/ bears it out. */
async function ask() {
  // Greedy, and in steps that do not depend on the speed, so that the same machine gives the same answer again.
  const options = ['temperature=0', 'reproducible=true', 'maxTokens=96'].flatMap((option) => ['-o', option]);
  const command = [...gemma, 'ask', '-m', model.name, '--memory', memory, '--rag', 'on', ...options, question];
  const { code, output: commentary, seconds } = await run(command, { output: 'tee' });
  const [, checked = '0'] = /^gemma: (\d+) of \d+ sentences? (?:is|are) supported/mu.exec(commentary) ?? [];
  if (code === 0 && checked === '0') say('ask: no passage of docs/ bears this answer out, so do not believe it');
  say(`ask: ${duration(seconds)}`);
  return code;
}

/** The first model that is there or can be fetched. */
async function findModel() {
  const there = await installedModels();
  for (const model of models) {
    if (there.has(model.name) || (await run([...gemma, 'pull', model.name], { output: 'stderr' })).code === 0) {
      if (model.note !== '') say(`model: ${model.note}`);
      return model;
    }
  }
  throw new Error(
    `None of ${models.map(({ name }) => name).join(', ')} could be fetched. ` +
      'Bring a .gguf file of your own: `node packages/cli/dist/bin.js pull FILE`.',
  );
}

/** Names of the models that are on this machine already. */
async function installedModels() {
  const { code, output } = await run([...gemma, 'list', '--json'], { output: 'capture' });
  if (code !== 0) return new Set();
  return new Set(JSON.parse(output).models.map(({ name }) => name));
}

/** Runs a program whose output is commentary. */
async function must(commandLine) {
  const { code } = await run(commandLine, { env, output: 'stderr' });
  if (code !== 0) throw new Error(`\`${commandLine.join(' ')}\` ended with code ${code}.`);
}

/** Does one step and says how long it took; ends the program when the step fails. */
async function step(name, what, action) {
  const started = performance.now();
  const taken = () => duration((performance.now() - started) / 1000);
  say(`${name}: ${what} …`);
  const result = await action().catch((error) => {
    say(`${name} failed after ${taken()}: ${error.message}`);
    process.exit(1);
  });
  say(`${name}: ${taken()}`);
  return result;
}

function say(text) {
  process.stderr.write(`[gemma] ${text}\n`);
}
