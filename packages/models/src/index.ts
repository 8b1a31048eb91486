export { catalog, findInCatalog } from './catalog.ts';
export { createModelStore } from './create-model-store.ts';
export { discoverModels } from './discover-models.ts';
export type { DiscoverOptions, DiscoveredModel } from './discover-models.ts';
export { inspectModelFile } from './inspect-model-file.ts';
export type { CatalogEntry, CatalogLicence, CatalogSource } from './catalog.ts';
export type { HashSource, InstalledModel, ModelLicence } from './installed-model.ts';
export type { ModelFormat, ModelHeader } from './model-header.ts';
export type { ImportOptions, ModelStore, ModelStoreOptions, PullOptions, VerifiedModel } from './model-store.ts';
export type {
  PullEvent,
  PullLicence,
  PullProgress,
  PullRestarting,
  PullResuming,
  PullRetrying,
  PullVerifying,
  PullWaiting,
  PullWarning,
  Pulled,
  SourceFailed,
  SourceTrying,
} from './pull-event.ts';
