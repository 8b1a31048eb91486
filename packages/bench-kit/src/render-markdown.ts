import type { BetterDirection } from './benchmark.ts';
import { comparisonDefaults } from './compare-samples.ts';
import type { Estimate } from './compare-samples.ts';
import type { AimResult, BenchmarkResult, BenchmarkResults, Comparison } from './results.ts';
import { drawTimeline } from './timeline.ts';

/** How figures are laid out. */
export interface MarkdownOptions {
  /**
   * `metric`: a row for each metric of each variant, and every variant against the first. `variant`: a row for each
   * variant with all its metrics, for where many are compared; ratios then stand in the aims alone. Default: `metric`.
   */
  readonly rowsBy?: 'metric' | 'variant';
}

/** Results as Markdown: machine facts, then per benchmark its figures, its comparisons and its aims. */
export function renderMarkdown(results: BenchmarkResults, { rowsBy = 'metric' }: MarkdownOptions = {}): string {
  return [
    renderFacts(results),
    ...results.benchmarks.map((benchmark) => renderBenchmark(benchmark, results, rowsBy)),
  ].join('\n');
}

function renderFacts({
  machine,
  loadBefore,
  loadAfter,
  startedAt,
  endedAt,
  environmentRemoved,
  warnings,
  notes,
  leftOut = [],
}: BenchmarkResults): string {
  const commit =
    machine.commit === null ? 'unknown' : machine.commit.slice(0, 12) + (machine.dirty === true ? ' + changes' : '');
  const load = (when: string, { load1, busyShare }: typeof loadBefore): string =>
    `${when} ${load1} (${Math.round(busyShare * 100)} % busy)`;
  return [
    `- measured: ${startedAt} to ${endedAt}, commit ${commit}, Node ${machine.node}`,
    `- machine: ${machine.cpuModel}, ${machine.coresAvailable} of ${machine.cores} cores, ${machine.memoryMiB} MiB, ${machine.system}`,
    `- load: ${load('before', loadBefore)}, ${load('after', loadAfter)}`,
    ...(environmentRemoved.length === 0
      ? []
      : [`- taken out of the environment: ${environmentRemoved.map((name) => `\`${name}\``).join(', ')}`]),
    ...Object.entries(notes).map(([key, value]) => `- ${key}: ${value}`),
    ...leftOut.map((what) => `- left out: ${what}`),
    ...warnings.map((warning) => `- warning: ${warning}`),
    '',
  ].join('\n');
}

function renderBenchmark(
  benchmark: BenchmarkResult,
  { confidence }: BenchmarkResults,
  rowsBy: 'metric' | 'variant',
): string {
  const { name, summary, rounds, warmups, usageFrom, variants, comparisons, aims } = benchmark;
  const probe = usageFrom === 'extra-process' ? 'CPU time from a second process' : 'CPU time from the same process';
  // A peer that cannot tell a metric has no round in common with the others.
  const judged = rowsBy === 'metric' ? comparisons.filter(({ pairs }) => pairs > 0) : [];
  const percent = `${Math.round(confidence * 1000) / 10} %`;
  return [
    `### ${name}`,
    '',
    `${summary} ${rounds} rounds after ${warmups} warm-up${warmups === 1 ? '' : 's'}, a fresh process each, ${probe}.`,
    '',
    ...(rowsBy === 'metric' ? figuresByMetric(benchmark) : figuresByVariant(benchmark)),
    ...(judged.length === 0
      ? []
      : [
          ...table(
            ['metric', 'compared', `ratio of medians [${percent}]`, `difference [${percent}]`, 'verdict'],
            judged.map((comparison) => row(comparisonCells(comparison, benchmark))),
          ),
        ]),
    ...(aims.length === 0
      ? []
      : [
          ...table(
            ['aim', 'metric', 'goal', 'measured', ''],
            aims.map((aim) =>
              row([
                aim.variant,
                aim.metric,
                goalOf(aim, variants[0]?.name ?? ''),
                aim.measured === null ? 'unknown' : renderNumber(aim.measured),
                aim.reached ? 'reached' : 'missed',
              ]),
            ),
          ),
        ]),
    ...renderTimelines(variants),
  ].join('\n');
}

function figuresByMetric({ metrics, variants }: BenchmarkResult): readonly string[] {
  const rows = metrics.flatMap((metric) =>
    variants.map((variant) => {
      const stats = variant.metrics[metric.name]?.summary ?? null;
      const cells =
        stats === null
          ? ['unknown', '', '', '0']
          : [...[stats.min, stats.median, stats.p95].map(renderNumber), `${stats.n}`];
      return row([`${metric.name} (${metric.unit})`, nameOf(variant.name, variant.implementation), ...cells]);
    }),
  );
  return table(['metric', 'variant', 'min', 'median', 'p95', 'n'], rows);
}

/** Medians, with the least and the greatest sample where they differ. */
function figuresByVariant({ metrics, variants }: BenchmarkResult): readonly string[] {
  const rows = variants.map((variant) => {
    const cells = metrics.map((metric) => {
      const stats = variant.metrics[metric.name]?.summary ?? null;
      if (stats === null) return 'unknown';
      const [min, middle, max] = [stats.min, stats.median, stats.max].map(renderNumber);
      return min === max ? `${middle}` : `${middle} (${min} to ${max})`;
    });
    return row([nameOf(variant.name, variant.implementation), ...cells]);
  });
  return table(['median (least to greatest)', ...metrics.map(({ name, unit }) => `${name} (${unit})`)], rows);
}

function goalOf(aim: AimResult, baseline: string): string {
  if ('atLeast' in aim) return `at least ${renderNumber(aim.atLeast)}`;
  if ('atMost' in aim) return `at most ${renderNumber(aim.atMost)}`;
  if ('timesMin' in aim) return `at least ${renderNumber(aim.timesMin)} × ${aim.of}`;
  if ('timesMax' in aim) return `at most ${renderNumber(aim.timesMax)} × ${aim.of}`;
  if ('beyondMax' in aim) return `at most ${renderNumber(aim.beyondMax)} beyond ${aim.of}`;
  return `at most ${renderNumber(aim.beyondBaselineMax)} beyond ${baseline}`;
}

/** The courses of the last round, one line each. */
function renderTimelines(variants: BenchmarkResult['variants']): readonly string[] {
  const lines = variants.flatMap(({ name, timelines = [] }) =>
    (timelines.at(-1)?.timelines ?? []).map((timeline) => ({ name, timeline })),
  );
  const first = lines[0]?.timeline;
  if (first === undefined) return [];
  const width = Math.max(...lines.map(({ name }) => name.length));
  return [
    `The last round, ${first.name} in ${first.unit} every ${first.stepMs} ms:`,
    '',
    '```',
    ...lines.map(({ name, timeline }) => `${name.padEnd(width)}  ${drawTimeline(timeline)}`),
    '```',
    '',
  ];
}

function comparisonCells(
  { metric, variant, baseline, pairs, ratio, difference, verdict }: Comparison,
  { metrics, variants }: BenchmarkResult,
): readonly string[] {
  const definition = metrics.find((item) => item.name === metric);
  // An interval from a handful of rounds would promise what it cannot keep, and so would a verdict.
  const isFew = pairs < comparisonDefaults.roundsMin;
  const render = isFew ? ({ value }: Estimate) => renderNumber(value) : renderEstimate;
  const samplesOf = (name: string) => variants.find((item) => item.name === name)?.metrics[metric]?.samples ?? [];
  return [
    metric,
    `${variant} / ${baseline}`,
    ratio === null ? '' : render(ratio),
    difference === null ? '' : `${render(difference)} ${definition?.unit ?? ''}`,
    verdict === 'too few rounds'
      ? countRounds(samplesOf(baseline), samplesOf(variant), definition?.better ?? 'neither')
      : verdict,
  ];
}

/** What a handful of rounds can say: in how many of them the variant was ahead, or behind. */
function countRounds(
  baseline: readonly (number | null)[],
  candidate: readonly (number | null)[],
  better: BetterDirection,
): string {
  const differences = candidate
    .map((value, round) => [value, baseline[round] ?? null] as const)
    .flatMap(([own, other]) => (own === null || other === null ? [] : [own - other]));
  const more = differences.filter((difference) => difference > 0).length;
  const less = differences.filter((difference) => difference < 0).length;
  const [ahead, behind] = better === 'higher' ? [more, less] : [less, more];
  const rounds = `of ${differences.length} round${differences.length === 1 ? '' : 's'}`;
  if (ahead === behind) return `as often faster as slower, in ${ahead} ${rounds} each`;
  return ahead > behind ? `faster in ${ahead} ${rounds}` : `slower in ${behind} ${rounds}`;
}

function renderEstimate({ value, low, high }: Estimate): string {
  return `${renderNumber(value)} [${renderNumber(low)}, ${renderNumber(high)}]`;
}

/** Three significant digits, and never fewer than the whole number. */
function renderNumber(value: number): string {
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

function nameOf(variant: string, implementation: string | null): string {
  return implementation === null || implementation === variant ? variant : `${variant} (${implementation})`;
}

function table(head: readonly string[], rows: readonly string[]): readonly string[] {
  return [row(head), row(head.map(() => '---')), ...rows, ''];
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
