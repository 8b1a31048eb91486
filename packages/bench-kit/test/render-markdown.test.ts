import { describe, expect, test } from 'vitest';
import { parseResults, renderMarkdown } from '../src/index.ts';
import type { BenchmarkResults } from '../src/index.ts';

const results: BenchmarkResults = {
  format: 'gemma-bench-results',
  version: 2,
  startedAt: '2026-11-22T10:00:00.000Z',
  endedAt: '2026-11-22T10:01:00.000Z',
  seed: 1,
  confidence: 0.95,
  differenceShareMin: 0.02,
  machine: {
    cpuModel: 'Some CPU',
    cores: 4,
    coresAvailable: 2,
    memoryMiB: 8000,
    system: 'Linux 6.1 x64',
    node: 'v20.20.2',
    commit: '0123456789abcdef0123',
    dirty: true,
  },
  loadBefore: { load1: 0.1, busyShare: 0.02 },
  loadAfter: { load1: 1.5, busyShare: 0.5 },
  environmentRemoved: ['NODE_EXTRA_CA_CERTS'],
  warnings: ['busy'],
  notes: { model: 'gemma3:270m' },
  benchmarks: [
    {
      name: 'startup',
      summary: 'How long.',
      rounds: 5,
      warmups: 1,
      usageFrom: 'extra-process',
      order: [],
      metrics: [
        { name: 'wallMs', unit: 'ms', better: 'lower' },
        { name: 'cpuMs', unit: 'ms', better: 'lower' },
      ],
      variants: [
        {
          name: 'bare',
          implementation: null,
          metrics: {
            wallMs: { samples: [40], summary: { n: 1, min: 40, median: 40.123, p95: 41, max: 41, mean: 40 } },
            cpuMs: { samples: [null], summary: null },
          },
        },
        {
          name: 'a|b',
          implementation: 'legacy',
          metrics: {
            wallMs: {
              samples: [1234.5],
              summary: { n: 1, min: 1234.5, median: 1234.5, p95: 1234.5, max: 1234.5, mean: 1234.5 },
            },
            cpuMs: { samples: [null], summary: null },
          },
        },
      ],
      comparisons: [
        {
          variant: 'a|b',
          baseline: 'bare',
          metric: 'wallMs',
          pairs: 5,
          ratio: { value: 30.8, low: 30, high: 31 },
          difference: { value: 1194, low: 1190, high: 1200 },
          verdict: 'slower',
        },
        {
          variant: 'a|b',
          baseline: 'bare',
          metric: 'cpuMs',
          pairs: 0,
          ratio: null,
          difference: null,
          verdict: 'not compared',
        },
      ],
      aims: [
        { variant: 'a|b', metric: 'wallMs', beyondBaselineMax: 10, measured: 1194, reached: false },
        { variant: 'a|b', metric: 'wallMs', beyondMax: 5, of: 'bare', measured: 1194, reached: false },
        { variant: 'a|b', metric: 'wallMs', timesMax: 1.2, of: 'bare', measured: 30.8, reached: false },
        { variant: 'a|b', metric: 'wallMs', timesMin: 20, of: 'bare', measured: 30.8, reached: true },
        { variant: 'a|b', metric: 'wallMs', atMost: 500, measured: null, reached: false },
        { variant: 'a|b', metric: 'wallMs', atLeast: 1, measured: 1235, reached: true },
      ],
    },
  ],
};

describe('renderMarkdown', () => {
  const lines = renderMarkdown(results).split('\n');

  test('says machine, load, commit with its changes, what was taken out, notes and warnings', () => {
    const text = lines.slice(0, 8).join('\n');
    for (const fact of [
      'Some CPU, 2 of 4 cores',
      '0123456789ab + changes',
      'Node v20.20.2',
      'before 0.1 (2 % busy), after 1.5 (50 % busy)',
    ]) {
      expect(text).toContain(fact);
    }
    expect(text).toContain('`NODE_EXTRA_CA_CERTS`');
    expect(text).toContain('- model: gemma3:270m');
    expect(text).toContain('- warning: busy');
  });

  test('gives a row a variant where that is wished, with the aims and without a line for each comparison', () => {
    const wide = renderMarkdown(results, { rowsBy: 'variant' }).split('\n');
    expect(wide).toContain('| median (least to greatest) | wallMs (ms) | cpuMs (ms) |');
    expect(wide).toContain('| bare | 40.1 (40 to 41) | unknown |');
    expect(wide).toContain('| a\\|b (legacy) | 1235 | unknown |');
    expect(wide.join('\n')).toContain('at most 5 beyond bare');
    expect(wide.join('\n')).not.toContain('ratio of medians');
  });

  test('gives min, median, p95 and n of every metric and variant, and says what is unknown', () => {
    expect(lines).toContain('| wallMs (ms) | bare | 40 | 40.1 | 41 | 1 |');
    expect(lines).toContain('| wallMs (ms) | a\\|b (legacy) | 1235 | 1235 | 1235 | 1 |');
    expect(lines).toContain('| cpuMs (ms) | bare | unknown |  |  | 0 |');
  });

  test('gives ratio and difference with their intervals, the verdict, and the aims', () => {
    expect(lines).toContain('| wallMs | a\\|b / bare | 30.8 [30, 31] | 1194 [1190, 1200] ms | slower |');
    expect(lines.filter((line) => /(missed|reached) \|$/.test(line))).toEqual([
      '| a\\|b | wallMs | at most 10 beyond bare | 1194 | missed |',
      '| a\\|b | wallMs | at most 5 beyond bare | 1194 | missed |',
      '| a\\|b | wallMs | at most 1.2 × bare | 30.8 | missed |',
      '| a\\|b | wallMs | at least 20 × bare | 30.8 | reached |',
      '| a\\|b | wallMs | at most 500 | unknown | missed |',
      '| a\\|b | wallMs | at least 1 | 1235 | reached |',
    ]);
    expect(lines.some((line) => line.startsWith('| cpuMs | a'))).toBe(false);
  });

  test('draws the courses of the last round, with what happened on the way', () => {
    const timeline = {
      name: 'tokens per second',
      unit: 'tokens/s',
      stepMs: 1000,
      values: [30.4, 31, 2.26, 20],
      marks: [
        { atMs: 2000, text: 'hog starts' },
        { atMs: 2100, text: '2 → 1 threads' },
        { atMs: 4000, text: 'hog ends' },
      ],
    };
    const drawn: BenchmarkResults = {
      ...results,
      benchmarks: results.benchmarks.map((benchmark) => ({
        ...benchmark,
        variants: benchmark.variants.map((variant) => ({
          ...variant,
          timelines: [
            { round: 0, timelines: [] },
            { round: 1, timelines: [timeline] },
          ],
        })),
      })),
    };
    expect(renderMarkdown(drawn).split('\n').slice(-6)).toEqual([
      '',
      '```',
      'bare  30 31 [hog starts] [2 → 1 threads] 2.3 20 [hog ends]',
      'a|b   30 31 [hog starts] [2 → 1 threads] 2.3 20 [hog ends]',
      '```',
      '',
    ]);
  });

  test.each([
    [[30, 40, 50], [20, 30, 60], 'lower', 'faster in 2 of 3 rounds'],
    [[30, 40, 50], [20, 30, 60], 'higher', 'slower in 2 of 3 rounds'],
    [[30, 40, null], [20, 50, 60], 'lower', 'as often faster as slower, in 1 of 2 rounds each'],
    [[30], [40], 'lower', 'slower in 1 of 1 round'],
  ] as const)(
    'with too few rounds for an interval it counts those that were ahead: %j against %j, %s is better',
    (baseline, candidate, better, verdict) => {
      const few: BenchmarkResults = {
        ...results,
        benchmarks: results.benchmarks.map((benchmark) => ({
          ...benchmark,
          metrics: benchmark.metrics.map((metric) => ({ ...metric, better })),
          variants: benchmark.variants.map((variant, place) => ({
            ...variant,
            metrics: { ...variant.metrics, wallMs: { samples: [baseline, candidate][place] ?? [], summary: null } },
          })),
          comparisons: benchmark.comparisons.map((item) => ({
            ...item,
            pairs: item.metric === 'wallMs' ? 3 : 0,
            verdict: 'too few rounds',
          })),
        })),
      };
      const rows = renderMarkdown(few).split('\n');
      expect(rows).toContain(`| wallMs | a\\|b / bare | 30.8 | 1194 ms | ${verdict} |`);
      expect(rows.some((line) => line.startsWith('| cpuMs | a'))).toBe(false);
    },
  );

  test('says what was left out, with its reason', () => {
    expect(renderMarkdown({ ...results, leftOut: ['a peer: not installed.'] }).split('\n')).toContain(
      '- left out: a peer: not installed.',
    );
    expect(renderMarkdown(results)).not.toContain('left out');
  });
});

describe('parseResults', () => {
  test('reads what was written', () => {
    expect(parseResults(JSON.stringify(results))).toEqual(results);
  });

  test.each([
    ['another version', JSON.stringify({ ...results, version: 1 }), /version 2, got gemma-bench-results version 1/],
    ['another format', '{"benchmarks": []}', /got undefined version undefined/],
    ['null', 'null', /got undefined/],
    ['no JSON', 'not json', /not JSON/],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseResults(text)).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID', message: expect.stringMatching(message) }),
    );
  });
});
