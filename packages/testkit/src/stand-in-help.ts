/**
 * Help texts of the stand-in: flags and layout as gemma.cpp prints them, the words are our own.
 *
 * @module
 */

function section(title: string, flags: readonly (readonly [string, string])[]): string {
  return `*${title}*\n\n${flags.map(([name, text]) => `  --${name} : ${text}\n`).join('')}\n`;
}

const loading = [
  ['tokenizer', 'Tokenizer file, for weights from before 2025.'],
  ['weights', 'Weights (.sbs).'],
  ['map', 'Map the weights into memory? -1 = auto, 0 = no, 1 = yes.'],
  ['to_bf16', 'Convert weights? -1 = auto, 0 = no, 1 = yes.'],
  ['wrapping', 'Wrap prompts? For weights from before 2025.'],
] as const;

const threading = [
  ['skip_packages', 'First socket.'],
  ['skip_clusters', 'First cluster.'],
  ['max_clusters', 'Most clusters.'],
  ['skip_lps', 'First core.'],
  ['max_lps', 'Most cores.'],
  ['num_threads', 'Most threads; default 0 = unlimited.'],
  ['pin', 'Pin threads? -1 = auto, 0 = no, 1 = yes.'],
  ['spin', 'Spin waits? -1 = auto, 0 = no, 1 = yes.'],
  ['bind', 'Bind memory? -1 = auto, 0 = no, 1 = yes.'],
] as const;

const inference = [
  ['verbosity', 'How much is said, 0 to 3. Default = 1.'],
  ['seq_len', 'Tokens of context.'],
  ['max_generated_tokens', 'Most tokens of an answer.'],
  ['prefill_tbatch', 'Tokens of a batch.'],
  ['decode_qbatch', 'Queries of a batch.'],
  ['temperature', 'Temperature.'],
  ['top_k', 'Candidates.'],
  ['deterministic', 'Repeat choices.'],
  ['multiturn', '0 = forget after each turn, 1 = go on.'],
  ['image_file', 'A picture.'],
  ['port', 'Of the server.'],
  ['model', 'Name for the server.'],
  ['prompt', 'One prompt, then exit.'],
  ['prompt_file', 'One prompt from a file, then exit.'],
  ['eot_line', 'The line that ends a prompt.'],
] as const;

const title = '\ngemma.cpp : a stand-in for tests\n\n';

/** The help of a build of today. */
export const currentHelp: string =
  title +
  section('Model Loading Arguments', loading) +
  section('Threading Arguments', threading) +
  section('Inference Arguments', inference);

/** The help of the tags up to v0.1.4: no prompt on the command line, no length of the context. */
export const oldHelp: string =
  title +
  section('Model Loading Arguments', loading) +
  section(
    'Inference Arguments',
    inference.filter(([name]) => !['seq_len', 'prompt', 'prompt_file', 'port', 'model'].includes(name)),
  );
