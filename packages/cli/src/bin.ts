#!/usr/bin/env node
import { asksForVersion, printVersion } from './version.ts';

// The same answer as `main` gives, without loading what a prompt needs.
if (asksForVersion(process.argv.slice(2))) process.exitCode = printVersion();
else await (await import('./run-in-process.ts')).runInProcess(process, process.env);
