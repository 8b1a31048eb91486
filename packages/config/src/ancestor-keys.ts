import { configKeys } from './config-keys.ts';

/** What became of a key of the Python `gemma_cli`. */
export type AncestorKey =
  | { readonly type: 'renamed'; readonly to: string }
  | { readonly type: 'ignored'; readonly reason: string };

const withMemory = 'the memory chooses this itself';
const withConsolidation =
  'memory.consolidate_every says how often memories are consolidated, and docs/memory.md by which rules';
const withRedis = 'Redis is not in this version yet';
const withModels = 'models are installed by `gemma pull` and `gemma import`, and each knows its own settings';
const withMcp = 'MCP is not in this version yet';
const withIngest = '`gemma ingest` knows formats, limits and sizes of chunks itself';
const noUse = 'nothing here is controlled by it';

const words = (text: string): readonly string[] => text.split(' ');

/**
 * Sections and keys that files of the Python `gemma_cli` hold, beyond those that exist here under the same name.
 * A key without an effect must not seem to have one.
 */
const ancestorSections: ReadonlyMap<string, { readonly keys: readonly string[] | 'all'; readonly reason: string }> =
  new Map([
    ['gemma', { keys: words('default_tokenizer'), reason: 'the tokenizer is in the model file, or found beside it' }],
    ['rag', { keys: words('backend enable_fallback'), reason: withRedis }],
    ['rag_backend', { keys: words('backend rust_mcp_server_path'), reason: withRedis }],
    [
      'redis',
      {
        keys: words(
          'url host port db pool_size connection_timeout command_timeout max_retries retry_delay enable_fallback',
        ),
        reason: withRedis,
      },
    ],
    [
      'memory',
      {
        keys: words('consolidation_threshold importance_decay_rate enable_background_tasks auto_consolidate'),
        reason: withConsolidation,
      },
    ],
    ['embedding', { keys: words('provider model dimension batch_size cache_embeddings'), reason: withMemory }],
    [
      'vector_store',
      {
        keys: words('dimension distance_metric index_type hnsw_m hnsw_ef_construction hnsw_ef_search'),
        reason: withMemory,
      },
    ],
    [
      'document',
      {
        keys: words(
          'chunk_size chunk_overlap min_chunk_size max_chunk_size chunking_method supported_formats max_file_size',
        ),
        reason: withIngest,
      },
    ],
    ['mcp', { keys: words('enabled servers_config tool_cache_ttl connection_timeout retry_count'), reason: withMcp }],
    [
      'ui',
      {
        keys: words('theme show_memory_stats show_performance show_status_bar progress_style onboarding autocomplete'),
        reason: noUse,
      },
    ],
    [
      'conversation',
      {
        keys: words('max_context_length max_history_messages save_directory auto_save auto_save_interval'),
        reason: 'sessions live in memory, and the context is counted in tokens (engine.context_tokens)',
      },
    ],
    [
      'system',
      {
        keys: words('prompt_file enable_rag_context max_rag_context_tokens'),
        reason: 'use `gemma ask -s` for a system message',
      },
    ],
    ['logging', { keys: words('level file max_size backup_count format'), reason: noUse }],
    [
      'monitoring',
      { keys: words('enabled track_latency track_memory track_token_usage report_interval'), reason: noUse },
    ],
    ['configured_models', { keys: 'all', reason: withModels }],
    ['profiles', { keys: 'all', reason: 'presets became [sampling] and `gemma ask -o`' }],
    ['model_presets', { keys: 'all', reason: withModels }],
    ['performance_profiles', { keys: 'all', reason: 'presets became [sampling] and `gemma ask -o`' }],
  ]);

/** Environment variables of the ancestor, or documented by it, that have no effect here. */
export const ancestorVariables: ReadonlyMap<string, string> = new Map([
  ['GEMMA_MODEL_PATH', 'use `gemma import FILE`, then GEMMA_GEMMA_DEFAULT_MODEL'],
  ['GEMMA_TOKENIZER_PATH', 'the tokenizer is in the model file, or found beside it'],
  ['GEMMA_LOG_LEVEL', noUse],
]);

/** What became of a key of the ancestor; `undefined` when it never was one. */
export function findAncestorKey(path: readonly string[]): AncestorKey | undefined {
  const [section, name] = path;
  if (section === undefined) return undefined;
  if (section === 'ui' && name === 'color_scheme' && path.length === 2) return { type: 'renamed', to: 'ui.color' };
  if (section === 'memory' && name === 'cleanup_interval' && path.length === 2)
    return { type: 'renamed', to: 'memory.consolidate_every' };
  // Presets were tables below [models], where the keys of today's section are plain values.
  if (section === 'models' && path.length >= 3) return { type: 'ignored', reason: withModels };
  const known = ancestorSections.get(section);
  if (known === undefined) return undefined;
  // A section that was the ancestor's alone, empty.
  if (name === undefined)
    return sectionsOfToday.includes(section) ? undefined : { type: 'ignored', reason: known.reason };
  if (known.keys === 'all' || known.keys.includes(name)) return { type: 'ignored', reason: known.reason };
  return undefined;
}

const sectionsOfToday: readonly string[] = configKeys.map((row) => row.key.split('.')[0] ?? '');

/** Names of the ancestor's sections; a variable `GEMMA_<SECTION>` held such a section as JSON. */
export const ancestorSectionNames: readonly string[] = [...ancestorSections.keys()];
