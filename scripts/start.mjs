// `npm start`: from a fresh clone to an answer of a real Gemma, with nothing but Node and npm. Each step says on stderr
// what it does and how long it took; stdout carries the answer alone.
import { join } from 'node:path';
import { duration, environmentWithPnpm, root, run } from './tools.mjs';

const gemma = [process.execPath, join(root, 'packages', 'cli', 'dist', 'bin.js')];

/** The models to try, best first, each with the question that is put to it when nobody sits at a terminal. */
const models = [
  { name: 'gemma3:270m', question: 'Why is the sky blue? Answer in two sentences.', note: '' },
  {
    name: 'gemma3:270m-base',
    question: 'The capital of France is Paris. The capital of Italy is',
    note:
      'gemma3:270m, which answers questions, cannot be had from here. ' +
      'gemma3:270m-base is the same model before it was taught to chat: it goes on with the text you write.',
  },
];

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

if (process.stdin.isTTY) {
  // Ctrl-C is the chat's: it stops an answer first and the program second.
  process.on('SIGINT', () => {});
  say('chat: end it with /exit or Ctrl-D');
  process.exitCode = (await run([...gemma, 'chat', '-m', model.name], { stdin: true })).code;
} else {
  say(`ask: stdin is not a terminal, so here is one built-in question: ${model.question}`);
  const answer = await run([...gemma, 'ask', '-m', model.name, '-o', 'maxTokens=48', model.question]);
  say(`ask: ${duration(answer.seconds)}`);
  process.exitCode = answer.code;
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
