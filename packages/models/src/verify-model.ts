import { GemmaError } from '@gemma-cli/contracts';
import { fileError, writeDurably } from './fs-tools.ts';
import { hashFile } from './hash-file.ts';
import { inspectModelFile } from './inspect-model-file.ts';
import { findModel } from './installed-models.ts';
import type { VerifiedModel } from './model-store.ts';
import { recordHash } from './model-record.ts';
import type { StoreContext } from './store-context.ts';

/** Hashes a model's file again, compares, and checks its header. */
export async function verifyModel(
  context: StoreContext,
  name: string,
  signal: AbortSignal | undefined,
): Promise<VerifiedModel> {
  const model = await findModel(context, name);
  await inspectModelFile(model.path);
  const sha256 = await hashFile(model.path, signal);
  if (model.sha256 === null) {
    await recordHash(context.folder, model, sha256, writeDurably).catch((error: unknown) => {
      throw fileError(error, 'writing the record of', model.path);
    });
    return { model: { ...model, sha256, hashSource: 'computed' }, sha256, compared: false };
  }
  if (model.sha256 === sha256) return { model, sha256, compared: true };
  throw new GemmaError({
    code: 'MODEL_HASH_MISMATCH',
    message: `Expected the SHA-256 ${model.sha256} of ${model.path}, got ${sha256}: the file changed since it was installed. Run gemma rm ${model.name}, then pull it again.`,
    facts: { name: model.name, path: model.path, expected: model.sha256, actual: sha256 },
  });
}
