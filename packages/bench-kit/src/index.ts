export { benchmarkDefaults, reportFd, sentFd } from './benchmark.ts';
export type {
  Aim,
  Benchmark,
  BetterDirection,
  MetricDefinition,
  OutsideMetric,
  Variant,
  VariantExpectation,
  VariantProgram,
} from './benchmark.ts';
export { reportSample, reportTimeline } from './report-sample.ts';
export type { Sample } from './report-sample.ts';
export { drawTimeline } from './timeline.ts';
export type { Timeline } from './timeline.ts';
export { runBenchmarks } from './run-benchmarks.ts';
export type { BenchmarkProgress, RunBenchmarksOptions } from './run-benchmarks.ts';
export { parseResults, resultsFormat, resultsVersion } from './results.ts';
export type {
  AimResult,
  BenchmarkResult,
  BenchmarkResults,
  Comparison,
  MetricResult,
  VariantResult,
} from './results.ts';
export { renderMarkdown } from './render-markdown.ts';
export type { MarkdownOptions } from './render-markdown.ts';
export { median, quantile, summarize } from './statistics.ts';
export type { Summary } from './statistics.ts';
export { compareSamples, comparisonDefaults } from './compare-samples.ts';
export type { ComparisonOptions, Estimate, SampleComparison, Verdict } from './compare-samples.ts';
export { roundOrder } from './round-order.ts';
export { seededRandom } from './seeded-random.ts';
export { childEnvironment } from './child-environment.ts';
export type { ChildEnvironment } from './child-environment.ts';
export { gitIn, loadWarning, readMachineFacts, readMachineLoad } from './machine-facts.ts';
export type { MachineFacts, MachineLoad, RunGit, SystemFacts } from './machine-facts.ts';
