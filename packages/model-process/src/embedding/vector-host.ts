import { basename } from 'node:path';
import { GemmaError, isGemmaError } from '@gemma-cli/contracts';
import type { ModelFile } from '@gemma-cli/contracts';
import type { LoadedModel } from '@gemma-cli/contracts/worker-protocol';
import type { EngineSettings } from '../engine-settings.ts';
import { lookedAtInTime } from '../looked-at-in-time.ts';
import type { ModelProcess } from '../model-process.ts';
import { openModel } from '../open-model.ts';
import { modelFingerprint } from './model-fingerprint.ts';
import { wrongModel } from './wrong-model.ts';

/** A model process whose model gives vectors or scores. */
export interface VectorModel {
  readonly process: ModelProcess;
  readonly model: LoadedModel;
  /** See `modelFingerprint`. */
  readonly fingerprint: string;
}

/** A vector model, lent for one call. */
export interface LentVectorModel extends VectorModel {
  /** Ends the loan. Called exactly once, whatever happened. */
  giveBack(): Promise<void>;
}

/** Who owns the model processes of an embedder or reranker: the policy in which the engines differ. */
export interface VectorHost {
  /**
   * Lends the loaded model.
   *
   * @throws GemmaError what starting and loading can throw, `ENGINE_BUSY`, `ENGINE_CLOSED`, `ABORTED`; then nothing is
   *   lent.
   */
  lend(signal: AbortSignal): Promise<LentVectorModel>;
  /** Ends every process. Safe to call twice. */
  close(): Promise<void>;
}

/** Opens a fresh model process. */
export type OpenVectorModel = (signal: AbortSignal, onSpawn?: (process: ModelProcess) => void) => Promise<VectorModel>;

/** Tokens of context that are asked for: more than any embedding model of today was trained with. */
const contextTokensAsked = 8192;

/**
 * Makes the function that opens a model for vectors or scores. The file has to be the one that it was at the first time:
 * vectors of another model under the same path would not be comparable, and nobody would notice.
 *
 * The function throws what `openModel` throws, and `ENGINE_LOAD_FAILED` for a replaced file.
 */
export function vectorModelOpener(
  file: ModelFile,
  purpose: 'embed' | 'rank',
  settings: EngineSettings,
): OpenVectorModel {
  let known: string | undefined;
  return async (signal, onSpawn) => {
    const fingerprint = await lookedAtInTime(modelFingerprint(file.path), {
      path: file.path,
      timeoutMs: settings.loadMsMax,
      signal,
    });
    known ??= fingerprint;
    if (fingerprint !== known) {
      throw new GemmaError({
        code: 'ENGINE_LOAD_FAILED',
        message: `${modelName(file)} was replaced since this ${purpose === 'embed' ? 'embedder' : 'reranker'} was made. What it gives could not be compared with what came before: make a new one.`,
        facts: { path: file.path, fingerprint, fingerprintBefore: known },
      });
    }
    const { process, model } = await openModel({
      path: file.path,
      contextTokens: contextTokensAsked,
      purpose,
      settings,
      signal,
      ...(onSpawn === undefined ? {} : { onSpawn }),
    }).catch((error: unknown) => {
      throw namedWrongModel(error, file, purpose);
    });
    return { process, model, fingerprint };
  };
}

/** A model process refuses a model that was made for other work in its own words; ours say what to use. */
function namedWrongModel(error: unknown, file: ModelFile, purpose: 'embed' | 'rank'): unknown {
  if (!isGemmaError(error) || error.code !== 'MODEL_UNSUPPORTED' || error.facts['purpose'] !== purpose) return error;
  const { architecture } = error.facts;
  return wrongModel(purpose, {
    name: modelName(file),
    architecture: typeof architecture === 'string' ? architecture : 'of unknown architecture',
    cause: error,
  });
}

/** What a model is called in messages. */
export function modelName({ name, path }: ModelFile): string {
  return name ?? basename(path);
}
