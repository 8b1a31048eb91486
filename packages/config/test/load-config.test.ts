import { execFile } from 'node:child_process';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { itUnless, missingUnix } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { configKeys, engineOptionsOf, loadConfig, requestOptionsOf } from '../src/index.ts';
import { failure, withFolders, writeUserFile } from './helpers.ts';

const run = promisify(execFile);

/** What a test lacks that gives a file away. */
const missingRoot = process.getuid?.() === 0 ? undefined : 'only root can give a file to somebody else';

describe('loadConfig', () => {
  it('lets a flag win over a variable, over the project file, over the user file, over the default', async () => {
    await withFolders(async ({ home, cwd }) => {
      const key = 'engine.threads';
      const origin = async (options: { env?: Record<string, string>; flags?: Record<string, unknown> }) => {
        const loaded = await loadConfig({ home, cwd, env: {}, ...options });
        return [loaded.config.engine.threads, loaded.origins[key]];
      };
      expect(await origin({})).toEqual(['auto', { source: 'default' }]);
      const user = await writeUserFile(home, '# mine\n[engine]\nthreads = 2\n');
      expect(await origin({})).toEqual([2, { source: 'user', where: `${user}:3` }]);
      const project = join(dirname(cwd), '.gemma.toml');
      await writeFile(project, 'engine.threads = 3');
      expect(await origin({})).toEqual([3, { source: 'project', where: `${project}:1` }]);
      const env = { GEMMA_ENGINE_THREADS: '4' };
      expect(await origin({ env })).toEqual([4, { source: 'environment', where: 'GEMMA_ENGINE_THREADS' }]);
      expect(await origin({ env, flags: { [key]: '5' } })).toEqual([5, { source: 'flag' }]);
      expect(await origin({ env, flags: { [key]: undefined } })).toEqual([
        4,
        { source: 'environment', where: 'GEMMA_ENGINE_THREADS' },
      ]);
    });
  });

  it('gives an origin for every key and nothing undefined, all frozen', async () => {
    await withFolders(async ({ home, cwd }) => {
      const loaded = await loadConfig({ home, cwd, env: {} });
      expect(Object.keys(loaded.origins)).toEqual(configKeys.map((row) => row.key));
      for (const section of Object.values(loaded.config)) {
        expect(Object.isFrozen(section)).toBe(true);
        expect(Object.values(section)).not.toContain(undefined);
      }
      for (const part of [loaded, loaded.config, loaded.origins, loaded.warnings, loaded.files]) {
        expect(Object.isFrozen(part)).toBe(true);
      }
      expect(loaded.files).toEqual({ user: join(home, 'config.toml'), project: null });
    });
  });

  it('works without a home folder and without files', async () => {
    const loaded = await loadConfig({ home: '/nowhere/at/all', cwd: '/nowhere', env: {} });
    expect(loaded.config.gemma.defaultModel).toBe('auto');
    expect(loaded.warnings).toEqual([]);
  });

  it.each([
    ['engine.thread', 'engine.threads'],
    ['engine.keepalive', 'engine.keep_alive'],
    ['performance.use_optimised_gemma', 'performance.use_optimized_gemma'],
    ['sampling.temprature', 'sampling.temperature'],
    ['gemma.default-model', 'gemma.default_model'],
  ])('refuses the unknown key %s and names %s', async (key, nearest) => {
    await withFolders(async ({ home, cwd }) => {
      const file = await writeUserFile(home, `\n${key} = 1\n`);
      const error = await failure(loadConfig({ home, cwd, env: {} }));
      expect(error.code).toBe('CONFIG_UNKNOWN_KEY');
      expect(error.exitCode).toBe(2);
      expect(error.facts).toMatchObject({ key, nearest, file, line: 2 });
      expect(error.message).toContain(`Did you mean ${nearest}?`);
    });
  });

  it('names no nearest key when none is near', async () => {
    await withFolders(async ({ home, cwd }) => {
      await writeUserFile(home, 'zzzzzzzz = 1');
      const error = await failure(loadConfig({ home, cwd, env: {} }));
      expect(error.facts).toMatchObject({ nearest: null });
      expect(error.message).toContain('gemma config list');
    });
  });

  it.each([
    ['[engine]\nthreads = 0', 'engine.threads'],
    ['[engine]\nthreads = 1.5', 'engine.threads'],
    ['[engine]\nthreads = { a = 1 }', 'engine.threads'],
    ['[engine]\nthreads = 1979-05-27T07:32:00Z', 'engine.threads'],
    ['[engine]\nload_timeout = 0', 'engine.load_timeout'],
    ['[engine]\nload_timeout = -1', 'engine.load_timeout'],
    ['[engine]\nkeep_alive = "soon"', 'engine.keep_alive'],
    ['[engine]\nkeep_alive = nan', 'engine.keep_alive'],
    ['[sampling]\ntemperature = 2.1', 'sampling.temperature'],
    ['[sampling]\ntemperature = "hot"', 'sampling.temperature'],
    ['[sampling]\ntemperature = nan', 'sampling.temperature'],
    ['[sampling]\ntop_k = inf', 'sampling.top_k'],
    ['[performance]\nuse_optimized_gemma = 1', 'performance.use_optimized_gemma'],
    ['[performance]\nuse_optimized_gemma = "yes"', 'performance.use_optimized_gemma'],
    ['[gemma]\ndefault_model = ""', 'gemma.default_model'],
    ['[gemma]\ndefault_model = "a\\u001b[31m"', 'gemma.default_model'],
    ['[gemma]\nexecutable_path = "bin/gemma"', 'gemma.executable_path'],
    ['[models]\nhf_endpoint = "ftp://mirror"', 'models.hf_endpoint'],
    ['[models]\nhf_endpoint = "javascript:alert(1)"', 'models.hf_endpoint'],
    ['[ui]\ncolor = "blue"', 'ui.color'],
    ['[ui]\ncolor = []', 'ui.color'],
  ])('refuses %j with the key, what it takes and the line', async (text, key) => {
    await withFolders(async ({ home, cwd }) => {
      const file = await writeUserFile(home, text);
      const error = await failure(loadConfig({ home, cwd, env: {} }));
      expect(error.code).toBe('CONFIG_INVALID');
      expect(error.facts).toMatchObject({ key, file, line: 2 });
      expect(error.message).toContain(String(configKeys.find((row) => row.key === key)?.type));
    });
  });

  it('refuses a section that is a value', async () => {
    await withFolders(async ({ home, cwd }) => {
      for (const text of ['engine = 1', 'engine = []', '[[engine]]\nthreads = 1']) {
        await writeUserFile(home, text);
        expect((await failure(loadConfig({ home, cwd, env: {} }))).facts).toMatchObject({ key: 'engine' });
      }
    });
  });

  it('takes an empty section, quoted names and hexadecimal numbers', async () => {
    await withFolders(async ({ home, cwd }) => {
      await writeUserFile(home, '[ui]\n[ "engine" ]\n\'queue_max\' = 0x10\n"load_timeout" = 90 # seconds\n');
      const { config } = await loadConfig({ home, cwd, env: {} });
      expect(config.engine.queueMax).toBe(16);
      expect(config.engine.loadMsMax).toBe(90_000);
    });
  });

  it('counts all problems in the first error', async () => {
    await withFolders(async ({ home, cwd }) => {
      await writeUserFile(home, 'nothing = 1\n[engine]\nthreads = "many"\n');
      const error = await failure(loadConfig({ home, cwd, env: { GEMMA_SAMPLING_TOP_K: 'few' } }));
      expect(error.facts).toMatchObject({ problems: 3 });
    });
  });

  describe('hostile files', () => {
    it.each([
      ['duplicate keys', '[engine]\nthreads = 1\nthreads = 2'],
      ['duplicate sections', '[engine]\n[engine]\n'],
      ['no TOML', '{"engine": {}}'],
      ['an open string', 'a = "'],
      ['an integer too large', '[engine]\nthreads = 99999999999999999999'],
      ['NUL', 'a = 1\0'],
    ])('refuses %s as unreadable', async (_, text) => {
      await withFolders(async ({ home, cwd }) => {
        const file = await writeUserFile(home, text);
        const error = await failure(loadConfig({ home, cwd, env: {} }));
        expect(error.code).toBe('CONFIG_UNREADABLE');
        expect(error.facts).toMatchObject({ file });
        expect(error.message.split('\n')).toHaveLength(1);
      });
    });

    it('refuses bytes that are not UTF-8', async () => {
      await withFolders(async ({ home, cwd }) => {
        await writeUserFile(home, Uint8Array.of(0x23, 0xff, 0xfe));
        const error = await failure(loadConfig({ home, cwd, env: {} }));
        expect(error.code).toBe('CONFIG_UNREADABLE');
        expect(error.message).toContain('UTF-8');
      });
    });

    it('refuses a file over one mebibyte before it reads it', async () => {
      await withFolders(async ({ home, cwd }) => {
        await writeUserFile(home, '#'.repeat(1024 * 1024 + 1));
        const error = await failure(loadConfig({ home, cwd, env: {} }));
        expect(error.code).toBe('CONFIG_UNREADABLE');
        expect(error.message).toContain('1048577');
      });
    });

    it('refuses lists and tables nested twenty thousand deep', async () => {
      await withFolders(async ({ home, cwd }) => {
        await writeUserFile(home, `a = ${'['.repeat(20_000)}${']'.repeat(20_000)}`);
        expect((await failure(loadConfig({ home, cwd, env: {} }))).code).toBe('CONFIG_UNREADABLE');
        await writeUserFile(home, `${'a.'.repeat(20_000)}a = 1`);
        expect((await failure(loadConfig({ home, cwd, env: {} }))).code).toMatch(/^CONFIG_/);
      });
    });

    it('refuses twenty thousand unknown keys and names the first', async () => {
      await withFolders(async ({ home, cwd }) => {
        const lines = Array.from({ length: 20_000 }, (_, index) => `k${index}=1`).join('\n');
        await writeUserFile(home, lines);
        const error = await failure(loadConfig({ home, cwd, env: {} }));
        expect(error.code).toBe('CONFIG_UNKNOWN_KEY');
        expect(error.facts).toMatchObject({ key: 'k0', line: 1, problems: 100 });
      });
    });

    itUnless(missingUnix, 'refuses a pipe instead of waiting for its writer', async () => {
      await withFolders(async ({ home, cwd }) => {
        await run('mkfifo', [join(home, 'config.toml')]);
        expect((await failure(loadConfig({ home, cwd, env: {} }))).code).toBe('CONFIG_UNREADABLE');
      });
    });

    it('treats __proto__ and constructor as the unknown keys that they are', async () => {
      await withFolders(async ({ home, cwd }) => {
        for (const text of [
          '__proto__.threads = 1',
          '[__proto__]\nthreads = 1',
          '[engine.__proto__]\nthreads = 1',
          '[engine]\n"__proto__" = { threads = 1 }',
          'constructor.prototype.threads = 1',
          '[engine]\nconstructor = 1',
          '[engine]\ntoString = 1',
        ]) {
          await writeUserFile(home, text);
          expect((await failure(loadConfig({ home, cwd, env: {} }))).code, text).toBe('CONFIG_UNKNOWN_KEY');
        }
        expect(({} as { threads?: unknown }).threads).toBeUndefined();
      });
    });

    it('does not mistake a quoted key with a dot for a section and a key', async () => {
      await withFolders(async ({ home, cwd }) => {
        await writeUserFile(home, '"engine.threads" = 3');
        expect((await failure(loadConfig({ home, cwd, env: {} }))).code).toBe('CONFIG_UNKNOWN_KEY');
      });
    });

    it('reads a file with a byte order mark and Windows line ends', async () => {
      await withFolders(async ({ home, cwd }) => {
        await writeUserFile(home, '\uFEFF# mine\r\n[engine]\r\nthreads = 3\r\n');
        const loaded = await loadConfig({ home, cwd, env: {} });
        expect(loaded.config.engine.threads).toBe(3);
        expect(loaded.origins['engine.threads']?.where).toMatch(/:3$/);
      });
    });
  });

  describe('project file', () => {
    it('is the nearest one above the working directory', async () => {
      await withFolders(async ({ root, home, cwd }) => {
        await writeFile(join(root, '.gemma.toml'), 'engine.threads = 1');
        await writeFile(join(cwd, '.gemma.toml'), 'engine.threads = 2');
        const loaded = await loadConfig({ home, cwd, env: {} });
        expect(loaded.config.engine.threads).toBe(2);
        expect(loaded.files.project).toBe(join(cwd, '.gemma.toml'));
      });
    });

    it.each(configKeys.filter((row) => !row.project).map((row) => row.key))('may not set %s', async (key) => {
      await withFolders(async ({ home, cwd }) => {
        const value = soundValues[key] ?? '10';
        await writeFile(join(cwd, '.gemma.toml'), `${key} = ${value}`);
        const error = await failure(loadConfig({ home, cwd, env: {} }));
        expect(error.code).toBe('CONFIG_INVALID');
        expect(error.message).toContain('user file');
        await writeUserFile(home, `${key} = ${value}`);
        await loadConfig({ home, cwd: home, env: {} });
      });
    });

    it('may choose a model by name but not a file', async () => {
      await withFolders(async ({ home, cwd }) => {
        await writeFile(join(cwd, '.gemma.toml'), 'gemma.default_model = "gemma3:1b"');
        expect((await loadConfig({ home, cwd, env: {} })).config.gemma.defaultModel).toBe('gemma3:1b');
        await writeFile(join(cwd, '.gemma.toml'), 'gemma.default_model = "owner/repo:q4_k_m"');
        expect((await loadConfig({ home, cwd, env: {} })).config.gemma.defaultModel).toBe('owner/repo:q4_k_m');
        for (const path of [
          'evil.gguf',
          'sub/evil.SBS',
          './evil.gguf',
          '/tmp/evil.gguf',
          '..',
          'https://evil.test/x',
          'hf:a/b',
        ]) {
          await writeFile(join(cwd, '.gemma.toml'), `gemma.default_model = "${path}"`);
          expect((await failure(loadConfig({ home, cwd, env: {} }))).code, path).toBe('CONFIG_INVALID');
        }
      });
    });

    it('may keep a chat from being remembered, and may not have it remembered', async () => {
      await withFolders(async ({ home, cwd }) => {
        const file = join(cwd, '.gemma.toml');
        await writeUserFile(home, 'memory.remember_chats = true');
        for (const value of ['true', '"ask"']) {
          await writeFile(file, `memory.remember_chats = ${value}`);
          const error = await failure(loadConfig({ home, cwd, env: {} }));
          expect(error.code).toBe('CONFIG_INVALID');
          expect(error.message).toContain('only to false');
        }
        await writeFile(file, 'memory.remember_chats = false');
        expect((await loadConfig({ home, cwd, env: {} })).config.memory.rememberChats).toBe(false);
      });
    });

    itUnless(missingRoot, 'has no effect when it belongs to somebody else', async () => {
      await withFolders(async ({ home, cwd }) => {
        const file = join(cwd, '.gemma.toml');
        await writeFile(file, 'engine.threads = 2');
        await chown(file, 12_345, 12_345);
        const loaded = await loadConfig({ home, cwd, env: {} });
        expect(loaded.config.engine.threads).toBe('auto');
        expect(loaded.warnings).toEqual([expect.stringContaining('belongs to another user')]);
      });
    });

    it('is no folder of that name', async () => {
      await withFolders(async ({ home, cwd }) => {
        await mkdir(join(cwd, '.gemma.toml'));
        expect((await failure(loadConfig({ home, cwd, env: {} }))).code).toBe('CONFIG_UNREADABLE');
      });
    });
  });

  describe('environment', () => {
    it('reads every kind of value from text', async () => {
      const { config } = await loadConfig({
        home: '/nowhere',
        cwd: '/nowhere',
        env: {
          GEMMA_PERFORMANCE_USE_OPTIMIZED_GEMMA: 'false',
          GEMMA_PERFORMANCE_BATCH_SIZE: '1_000',
          GEMMA_SAMPLING_TEMPERATURE: '0',
          GEMMA_SAMPLING_TOP_P: '.5'.replace('.', '0.'),
          GEMMA_ENGINE_KEEP_ALIVE: '-1',
          GEMMA_ENGINE_THREADS: 'auto',
          GEMMA_UI_COLOR: 'never',
          GEMMA_MODELS_HF_ENDPOINT: 'https://mirror.test/hf//',
        },
      });
      expect(config.performance.useOptimizedGemma).toBe(false);
      expect(config.performance.batchSize).toBe(1000);
      expect(config.sampling.temperature).toBe(0);
      expect(config.sampling.topP).toBe(0.5);
      expect(config.engine.keepAliveMs).toBe(Number.POSITIVE_INFINITY);
      expect(config.engine.threads).toBe('auto');
      expect(config.ui.color).toBe('never');
      expect(config.models.hfEndpoint).toBe('https://mirror.test/hf');
    });

    it('refuses a value out of range and names the variable', async () => {
      const error = await failure(
        loadConfig({ home: '/nowhere', cwd: '/nowhere', env: { GEMMA_SAMPLING_TEMPERATURE: '3' } }),
      );
      expect(error.code).toBe('CONFIG_INVALID');
      expect(error.facts).toMatchObject({ variable: 'GEMMA_SAMPLING_TEMPERATURE' });
    });

    it("takes the ancestor's GEMMA_EXECUTABLE and the hub's HF_ENDPOINT, weaker than the own names", async () => {
      const load = (env: Record<string, string>) => loadConfig({ home: '/nowhere', cwd: '/nowhere', env });
      const old = { GEMMA_EXECUTABLE: '/opt/gemma', HF_ENDPOINT: 'https://mirror.test' };
      const first = await load(old);
      expect(first.config.gemma.executablePath).toBe('/opt/gemma');
      expect(first.config.models.hfEndpoint).toBe('https://mirror.test');
      expect(first.origins['gemma.executable_path']).toEqual({ source: 'environment', where: 'GEMMA_EXECUTABLE' });
      expect(first.warnings).toEqual([]);
      const second = await load({ ...old, GEMMA_GEMMA_EXECUTABLE_PATH: '/usr/bin/gemma' });
      expect(second.config.gemma.executablePath).toBe('/usr/bin/gemma');
    });

    it('treats an empty variable as not set', async () => {
      const { config, warnings } = await loadConfig({
        home: '/nowhere',
        cwd: '/nowhere',
        env: { GEMMA_ENGINE_THREADS: '', GEMMA_WHATEVER: '' },
      });
      expect(config.engine.threads).toBe('auto');
      expect(warnings).toEqual([]);
    });

    it('warns once about each unknown GEMMA_ variable and names the nearest', async () => {
      const { warnings } = await loadConfig({
        home: '/nowhere',
        cwd: '/nowhere',
        env: {
          GEMMA_HOME: '/somewhere',
          GEMMA_ENGINE_THREAD: '4',
          GEMMA_LOG_LEVEL: 'debug',
          GEMMA_PERFORMANCE: '{"batch_size": 5}',
          UNRELATED: '1',
        },
      });
      expect(warnings).toEqual([
        expect.stringMatching(/GEMMA_ENGINE_THREAD .*Did you mean GEMMA_ENGINE_THREADS\?/),
        expect.stringMatching(/GEMMA_LOG_LEVEL of the Python/),
        expect.stringMatching(/GEMMA_PERFORMANCE, a whole section as JSON.*GEMMA_PERFORMANCE_<KEY>/),
      ]);
    });
  });

  it('refuses an unknown flag key', async () => {
    const error = await failure(
      loadConfig({ home: '/nowhere', cwd: '/nowhere', env: {}, flags: { 'engine.thread': 1 } }),
    );
    expect(error.code).toBe('CONFIG_UNKNOWN_KEY');
  });
});

/** Values of keys that take no small number. */
const soundValues: Readonly<Record<string, string>> = {
  'gemma.executable_path': '"/bin/sh"',
  'models.hf_endpoint': '"https://evil.test"',
  'engine.growth_bytes_max': '2000000',
  'ui.history': 'false',
  'memory.language': '"de"',
  'memory.durability': '"relaxed"',
  'memory.embedding_model': '"none"',
};

describe('engineOptionsOf and requestOptionsOf', () => {
  it('leave to the engine what is auto, and to the request what nobody chose', async () => {
    const loaded = await loadConfig({ home: '/nowhere', cwd: '/nowhere', env: {} });
    expect(engineOptionsOf(loaded.config, '/states')).not.toHaveProperty('threads');
    expect(engineOptionsOf(loaded.config, '/states')).toMatchObject({ keepAliveMs: 300_000, queueMax: 64 });
    expect(requestOptionsOf(loaded)).toEqual({});
  });

  it('pass on what was chosen, even when it is the default value', async () => {
    const env = { GEMMA_SAMPLING_TOP_K: '40', GEMMA_SAMPLING_MAX_TOKENS: '7', GEMMA_ENGINE_CONTEXT_TOKENS: '512' };
    const loaded = await loadConfig({ home: '/nowhere', cwd: '/nowhere', env, flags: { 'engine.threads': 2 } });
    expect(engineOptionsOf(loaded.config, '/states')).toMatchObject({ threads: 2 });
    expect(requestOptionsOf(loaded)).toEqual({ sampling: { topK: 40 }, maxTokens: 7, contextTokens: 512 });
  });
});
