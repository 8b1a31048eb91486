import { readFile, readdir, stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { loadConfig, migrateConfigFile } from '../src/index.ts';
import { withFolders, writeUserFile } from './helpers.ts';

/** A file as the ancestor's users have it: all of its sections, with values and comments. */
const ancestorFile = `# My Gemma
[gemma]
default_model = "/models/gemma-2b-it.sbs" # the small one
default_tokenizer = "/models/tokenizer.spm"
executable_path = "/opt/gemma.cpp/build/gemma"

[rag_backend]
backend = "embedded"

[redis]
host = "localhost"
port = 6380
enable_fallback = true

[memory]
working_ttl = 600
cleanup_interval = 120
auto_consolidate = true

[embedding]
provider = "local"

[vector_store]
dimension = 384

[document]
supported_formats = [
  "txt", # plain
  "md",
]

[mcp]
enabled = true

[ui]
theme = "default"
color_scheme = "auto"
[ui.onboarding]
show_on_first_run = true

[conversation]
max_context_length = 8192

[system]
prompt_file = "config/prompts/GEMMA.md"

[logging]
level = "INFO"

[monitoring]
enabled = true

[performance]
use_optimized_gemma = false # slow but mine
batch_size = 50

[configured_models.tiny]
name = "tiny"
weights_path = "/models/tiny.sbs"

[models.gemma-2b-it]
weights = "/models/gemma-2b-it.sbs"

[profiles.speed]
max_tokens = 512
`;

describe('a file of the Python gemma_cli', () => {
  it('loads, with one warning for each key without effect, naming the command that rewrites it', async () => {
    await withFolders(async ({ home, cwd }) => {
      await writeUserFile(home, ancestorFile);
      const { config, warnings } = await loadConfig({ home, cwd, env: {} });
      expect(config.gemma.defaultModel).toBe('/models/gemma-2b-it.sbs');
      expect(config.gemma.executablePath).toBe('/opt/gemma.cpp/build/gemma');
      expect(config.performance).toMatchObject({ useOptimizedGemma: false, batchSize: 50 });
      // Times and sizes of the tiers have the ancestor's names, and its bare seconds.
      expect(config.memory).toMatchObject({ workingTtlMs: 600_000, consolidateEveryMs: 120_000 });
      const named = warnings.map((warning) => warning.split(' ')[0]);
      expect(named).toEqual([
        'gemma.default_tokenizer',
        'rag_backend.backend',
        'redis.host',
        'redis.port',
        'redis.enable_fallback',
        'memory.cleanup_interval',
        'memory.auto_consolidate',
        'embedding.provider',
        'vector_store.dimension',
        'document.supported_formats',
        'mcp.enabled',
        'ui.theme',
        'ui.color_scheme',
        'ui.onboarding.show_on_first_run',
        'conversation.max_context_length',
        'system.prompt_file',
        'logging.level',
        'monitoring.enabled',
        'configured_models.tiny.name',
        'configured_models.tiny.weights_path',
        'models.gemma-2b-it.weights',
        'profiles.speed.max_tokens',
      ]);
      for (const warning of warnings) expect(warning).toContain('`gemma config migrate`');
    });
  });

  it('is migrated to one that loads to the same values without a warning', async () => {
    await withFolders(async ({ home, cwd }) => {
      const file = await writeUserFile(home, ancestorFile);
      const before = await loadConfig({ home, cwd, env: {} });
      const report = await migrateConfigFile(file);
      const after = await loadConfig({ home, cwd, env: {} });
      expect(after.warnings).toEqual([]);
      expect(after.config).toEqual(before.config);
      expect(report.steps.map((step) => step.key)).toEqual(before.warnings.map((warning) => warning.split(' ')[0]));
      expect(report.steps.find((step) => step.key === 'ui.color_scheme')).toMatchObject({
        action: 'renamed',
        to: 'ui.color',
      });
    });
  });

  it('keeps what was there: other lines as they are, old ones as comments, the whole as a private copy', async () => {
    await withFolders(async ({ home }) => {
      const file = await writeUserFile(home, ancestorFile);
      const { backup } = await migrateConfigFile(file);
      const after = await readFile(file, 'utf8');
      const kept = after.split('\n').map((line) => line.replace(/^# (?!My)/, ''));
      const renamed = ['color = "auto"', 'consolidate_every = 120'];
      expect(kept.filter((line) => !renamed.includes(line))).toEqual(ancestorFile.split('\n'));
      expect(after).toContain('#   "txt", # plain\n');
      expect(after).toContain('[ui]\ncolor = "auto"\n# theme');
      expect(await readFile(String(backup), 'utf8')).toBe(ancestorFile);
      if (process.platform !== 'win32') expect((await stat(String(backup))).mode & 0o777).toBe(0o600);
    });
  });

  it('is left alone the second time', async () => {
    await withFolders(async ({ home }) => {
      const file = await writeUserFile(home, ancestorFile);
      await migrateConfigFile(file);
      const once = await readFile(file, 'utf8');
      expect(await migrateConfigFile(file)).toEqual({ file, backup: null, steps: [] });
      expect(await readFile(file, 'utf8')).toBe(once);
    });
  });

  it('never overwrites an older copy', async () => {
    await withFolders(async ({ home }) => {
      for (let round = 0; round < 3; round++) {
        await migrateConfigFile(await writeUserFile(home, `# ${round}\n[logging]\nlevel = "INFO"\n`));
      }
      expect((await readdir(home)).toSorted()).toEqual([
        'config.toml',
        'config.toml.bak',
        'config.toml.bak.1',
        'config.toml.bak.2',
      ]);
      expect(await readFile(`${home}/config.toml.bak`, 'utf8')).toMatch(/^# 0/);
    });
  });

  it.each([
    ['an inline table', 'ui = { theme = "x", color = "never" }\n', 'ui = { color = "never" }\n'],
    ['the end of an inline table', 'ui = { color = "never", theme = "x" }\n', 'ui = { color = "never" }\n'],
    ['all of an inline table', 'ui = { theme = "x", progress_style = "rich" }\n', 'ui = {}\n'],
    ['a dotted key', 'ui.theme = "x"\nui.color = "never"\n', '# ui.theme = "x"\nui.color = "never"\n'],
    ['Windows line ends', '[logging]\r\nlevel = "x"\r\n', '# [logging]\r\n# level = "x"\r\n'],
    ['a byte order mark', '\uFEFF[logging]\nlevel = "x"\n', '\uFEFF# [logging]\n# level = "x"\n'],
    [
      'a new name that is taken',
      '[ui]\ncolor_scheme = "auto"\ncolor = "never"\n',
      '[ui]\n# color_scheme = "auto"\ncolor = "never"\n',
    ],
    ['a value that the new name cannot take', '[ui]\ncolor_scheme = "dark"\n', '[ui]\n# color_scheme = "dark"\n'],
  ])('is migrated in %s', async (_, before, after) => {
    await withFolders(async ({ home, cwd }) => {
      const file = await writeUserFile(home, before);
      await migrateConfigFile(file);
      expect(await readFile(file, 'utf8')).toBe(after);
      expect((await loadConfig({ home, cwd, env: {} })).warnings).toEqual([]);
    });
  });

  it('keeps a key that nobody knows, for its owner to decide', async () => {
    await withFolders(async ({ home }) => {
      const file = await writeUserFile(home, '[conversation]\nauto_save = true\nmystery = 1\n');
      await migrateConfigFile(file);
      expect(await readFile(file, 'utf8')).toBe('[conversation]\n# auto_save = true\nmystery = 1\n');
    });
  });

  it('is not made where there is none', async () => {
    await withFolders(async ({ home }) => {
      expect(await migrateConfigFile(`${home}/config.toml`)).toMatchObject({ backup: null, steps: [] });
      expect(await readdir(home)).toEqual([]);
    });
  });
});
