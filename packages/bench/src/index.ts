export { allSuites, main } from './main.ts';
export type { MainOptions } from './main.ts';
export type { Suite, SuiteOptions, SuitePlan } from './suite.ts';
export { startupSuite } from './suites/startup.ts';
export { firstTokenSuite } from './suites/first-token.ts';
export { microSuite } from './suites/micro.ts';
