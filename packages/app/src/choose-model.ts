import { GemmaError } from '@gemma-cli/contracts';

/** What the app needs to know of an installed model. */
export interface AppModel {
  readonly name: string;
  /** Absolute path of the weights. */
  readonly path: string;
  /** Whether the file holds a chat template. */
  readonly chat: boolean;
  /** What the container of the weights is: llama.cpp's `gguf` or gemma.cpp's `sbs`. */
  readonly format: 'gguf' | 'sbs';
  /** The model turns texts into vectors and does not generate. */
  readonly embedding: boolean;
  /** Of the weights, lower-case hexadecimal, as taken when they were installed. `null` = never taken. */
  readonly sha256?: string | null;
  /** The file was written to since: the hash does not vouch for it. Default: false. */
  readonly changed?: boolean;
  /** Why it cannot be run just now. `null` = nothing is wrong. */
  readonly problem: string | null;
}

/** Where models come from: the part of a model store that the app uses. */
export interface ModelSource {
  /** The model of this name or path. Gives `undefined`, or throws `MODEL_NOT_FOUND`, when there is none. */
  find(reference: string): Promise<AppModel | undefined>;
  /** Every installed model. */
  list(): Promise<readonly AppModel[]>;
}

/** The models that `auto` prefers, best first. */
const preferredNames = ['gemma3:270m', 'gemma3:270m-base'];

/**
 * Finds the model of a reference. `auto` takes the first preferred one that is installed, otherwise the first that can
 * chat, otherwise the first. Embedding models and models with a problem are passed over.
 *
 * @throws GemmaError `MODEL_NOT_FOUND`, or `MODEL_UNSUPPORTED` for an embedding model.
 */
export async function chooseModel(models: ModelSource, reference: string): Promise<AppModel> {
  if (reference !== 'auto') {
    const model = await models.find(reference);
    if (model !== undefined) return checkUsable(model);
    throw new GemmaError({
      code: 'MODEL_NOT_FOUND',
      message: `There is no model ${reference}. See what is installed with \`gemma list\`, or fetch it with \`gemma pull ${reference}\`.`,
      facts: { model: reference },
    });
  }
  const installed = (await models.list()).filter(({ embedding, problem }) => !embedding && problem === null);
  for (const name of preferredNames) {
    const preferred = installed.find((model) => model.name === name);
    if (preferred !== undefined) return preferred;
  }
  const model = installed.find(({ chat }) => chat) ?? installed[0];
  if (model !== undefined) return model;
  throw new GemmaError({
    code: 'MODEL_NOT_FOUND',
    message: 'No model is installed yet. Fetch one with `gemma pull gemma3:270m`.',
    facts: { model: 'auto', suggestion: 'gemma pull gemma3:270m' },
  });
}

function checkUsable(model: AppModel): AppModel {
  const { name, path, embedding, problem } = model;
  if (problem !== null) {
    throw new GemmaError({
      code: 'MODEL_NOT_FOUND',
      message: `The model ${name} cannot be run now: ${problem}. Fetch or import it again.`,
      facts: { model: name, path, problem },
    });
  }
  if (embedding) {
    throw new GemmaError({
      code: 'MODEL_UNSUPPORTED',
      message: `${name} is an embedding model: it turns text into numbers and cannot answer. Choose another with \`-m NAME\`.`,
      facts: { model: name, path },
    });
  }
  return model;
}
