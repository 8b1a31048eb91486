export { configKeys } from './config-keys.ts';
export type { ConfigFileValue, ConfigKey } from './config-keys.ts';
export { formatDuration, parseDurationMs } from './duration.ts';
export type {
  ConfigOrigin,
  ConfigSource,
  EngineSection,
  GemmaConfig,
  GemmaSection,
  LoadedConfig,
  MemorySection,
  ModelsSection,
  PerformanceConfig,
  RagSection,
  SamplingSection,
  UiSection,
} from './gemma-config.ts';
export { ensureHome, homeLayout, resolveHome } from './home.ts';
export type { HomeLayout } from './home.ts';
export { findProjectFile, loadConfig, projectFileName } from './load-config.ts';
export type { FoundProjectFile, LoadConfigOptions } from './load-config.ts';
export { migrateConfigFile } from './migrate-config-file.ts';
export type { MigrationReport, MigrationStep } from './migrate-config-file.ts';
export { getConfigValue, setConfigValue } from './set-config-value.ts';
export type { ConfigValue, SetConfigResult, SetConfigValueOptions } from './set-config-value.ts';
export { engineOptionsOf, memoryOptionsOf, requestOptionsOf } from './options-of-config.ts';
export type { RequestOptions } from './options-of-config.ts';
export { validateConfigFile } from './validate-config-file.ts';
export type { ConfigFileReport } from './validate-config-file.ts';
export { builtInRoles } from './built-in-roles.ts';
export { formatRole, isRoleName, readRole } from './role-file.ts';
export type { RoleContent } from './role-file.ts';
export { createRoleStore } from './role-store.ts';
export type { RoleEntry, RoleStore, RoleText } from './role-store.ts';
export type { Role, RoleOption } from './role.ts';
