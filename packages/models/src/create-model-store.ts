import { resolve } from 'node:path';
import { catalog as builtInCatalog } from './catalog.ts';
import { freeBytesOf } from './fs-tools.ts';
import { importModelFile } from './import-model-file.ts';
import { findModel, listModels } from './installed-models.ts';
import type { ModelStore, ModelStoreOptions, PullOptions } from './model-store.ts';
import type { PullEvent } from './pull-event.ts';
import { removeModel } from './remove-model.ts';
import type { StoreContext } from './store-context.ts';
import { verifyModel } from './verify-model.ts';

/** Opens the folder of models. Nothing is made or read before a method is called. */
export function createModelStore(options: ModelStoreOptions): ModelStore {
  const context: StoreContext = {
    folder: resolve(options.folder),
    env: options.env ?? {},
    catalog: options.catalog ?? builtInCatalog,
    python: options.python,
    connectMsMax: options.connectMsMax ?? 5_000,
    stallMsMax: options.stallMsMax ?? 30_000,
    retriesMax: options.retriesMax ?? 5,
    retryMs: options.retryMs ?? 500,
    pipMsMax: options.pipMsMax ?? 3_600_000,
    spareBytesMin: options.spareBytesMin ?? 64 * 1024 * 1024,
    freeBytes: options.freeBytes ?? freeBytesOf,
    now: options.now ?? Date.now,
  };
  return {
    list: () => listModels(context),
    find: (nameOrPath) => findModel(context, nameOrPath),
    pull: (reference, pullOptions = {}) => pull(context, reference, pullOptions),
    remove: (name) => removeModel(context, name),
    importFile: (path, importOptions) => importModelFile(context, path, importOptions),
    verify: (name, verifyOptions = {}) => verifyModel(context, name, verifyOptions.signal),
  };
}

/**
 * HTTP, pip and zip are loaded when something is pulled: finding a model is on the way of every prompt and must not wait for
 * them.
 */
async function* pull(context: StoreContext, reference: string, options: PullOptions): AsyncGenerator<PullEvent> {
  const { pullModel } = await import('./pull-model.ts');
  yield* pullModel(context, reference, options);
}
