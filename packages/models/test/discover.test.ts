import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { createModelStore, discoverModels } from '../src/index.ts';
import { tinyModel } from './gguf-writer.ts';
import { sha256 } from './pulling.ts';
import { temporaryFolder } from './temporary-folder.ts';

const model = tinyModel();

async function put(path: string, content: Buffer | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

function manifest(digest: string): string {
  return JSON.stringify({
    schemaVersion: 2,
    layers: [
      { mediaType: 'application/vnd.ollama.image.template', digest: 'sha256:00', size: 1 },
      { mediaType: 'application/vnd.ollama.image.model', digest, size: model.length },
    ],
  });
}

test('finds what Ollama and LM Studio downloaded, checks each header, and imports it by link', async () => {
  const home = await temporaryFolder();
  const ollama = join(home, '.ollama', 'models');
  const library = join(ollama, 'manifests', 'registry.ollama.ai', 'library');
  await put(join(ollama, 'blobs', `sha256-${sha256(model)}`), model);
  await put(join(library, 'gemma3', '270m'), manifest(`sha256:${sha256(model)}`));
  await put(join(ollama, 'manifests', 'hf.co', 'owner', 'repo', 'Q8_0'), manifest(`sha256:${sha256(model)}`));
  await put(join(home, '.lmstudio', 'models', 'publisher', 'repo', 'm-Q8_0.gguf'), model);
  await put(join(home, '.lmstudio', 'models', 'publisher', 'repo', 'mmproj-m.gguf'), model);
  await put(join(home, '.cache', 'lm-studio', 'models', 'publisher', 'old', 'cut.gguf'), model.subarray(0, 3_000));

  const found = await discoverModels({ home });
  expect(found.map(({ name, from, problem }) => [name, from, problem === null])).toEqual([
    ['gemma3:270m', 'ollama', true],
    ['hf.co/owner/repo:Q8_0', 'ollama', true],
    ['publisher/old/cut', 'lm-studio', false],
    ['publisher/repo/m-Q8_0', 'lm-studio', true],
  ]);
  expect(found[0]?.header).toMatchObject({ architecture: 'gemma3', chat: true });
  expect(found[2]?.problem).toContain('past the end of the file');

  const store = createModelStore({ folder: join(home, 'models') });
  const [first] = found;
  const installed = await store.importFile(first?.path ?? '', { mode: 'link', name: first?.name });
  expect(installed).toMatchObject({ name: 'gemma3:270m', mode: 'linked', format: 'gguf' });
});

test('looks where OLLAMA_MODELS points', async () => {
  const home = await temporaryFolder();
  const elsewhere = await temporaryFolder();
  await put(join(elsewhere, 'blobs', `sha256-${sha256(model)}`), model);
  await put(
    join(elsewhere, 'manifests', 'registry.ollama.ai', 'library', 'm', 'x'),
    manifest(`sha256:${sha256(model)}`),
  );
  const found = await discoverModels({ home, env: { OLLAMA_MODELS: elsewhere } });
  expect(found.map(({ name }) => name)).toEqual(['m:x']);
});

test('is not led astray by manifests that are none, lead out of the folder, or name a blob that is gone', async () => {
  const home = await temporaryFolder();
  const library = join(home, '.ollama', 'models', 'manifests', 'registry.ollama.ai', 'library');
  await put(join(home, 'secret.gguf'), model);
  await put(join(library, 'a', 'text'), 'not JSON');
  await put(join(library, 'a', 'null'), 'null');
  await put(join(library, 'a', 'list'), '{"layers": [null, 3, "x"]}');
  await put(join(library, 'a', 'path'), manifest('sha256:../../../../../secret.gguf'));
  await put(join(library, 'a', 'gone'), manifest(`sha256:${'0'.repeat(64)}`));
  expect(await discoverModels({ home })).toEqual([]);
});

test('of a home without either is empty', async () => {
  expect(await discoverModels({ home: await temporaryFolder() })).toEqual([]);
});
