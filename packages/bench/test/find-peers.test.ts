import { describe, expect, test } from 'vitest';
import { findPythonPeers, versionOfPackage } from '../src/find-peers.ts';

describe('versionOfPackage', () => {
  test('tells the version of a package that is installed beside this one, whatever it exports', () => {
    for (const name of ['minisearch', 'flexsearch', '@orama/orama']) {
      expect(versionOfPackage(name), name).toMatch(/^\d+\.\d+\.\d+$/);
    }
  });

  test('knows nothing of a package that is not', () => {
    expect(versionOfPackage('@gemma-cli/there-is-no-such-package')).toBe(undefined);
  });
});

describe('findPythonPeers', () => {
  test('knows nothing where the named Python is not there', () => {
    expect(findPythonPeers(['pip'], { GEMMA_BENCH_PYTHON: '/nowhere/python3', PATH: '' })).toBe(undefined);
  });

  test(
    'asks the named Python which of the modules it has (its stand-in is a script, which Windows does not run)',
    { skip: process.platform === 'win32' },
    () => {
      const python = new URL('fixtures/python', import.meta.url).pathname;
      const PATH = process.env['PATH'];
      expect(findPythonPeers(['bm25s', 'tantivy'], { GEMMA_BENCH_PYTHON: python, PATH })).toEqual({
        python,
        versions: { tantivy: '1.2.3' },
      });
    },
  );
});
