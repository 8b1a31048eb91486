import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Missing } from './declare-unless.ts';
import { writeExecutable } from './gemma-cpp-script.ts';

/** One event of a recorded run of gemma.cpp. */
export interface RecordedEvent {
  /** Milliseconds since the process was spawned. */
  readonly t_ms: number;
  readonly stream: 'meta' | 'stdin' | 'stdout' | 'stderr' | 'exit' | 'close';
  readonly data?: unknown;
  /** The bytes, where they are not valid UTF-8. */
  readonly b64?: string;
  readonly event?: 'eof';
  readonly code?: number | null;
  readonly signal?: NodeJS.Signals | null;
}

/** How a recording is played. */
export interface Replay {
  /** Path of the recording. */
  readonly recording: string;
  /** Factor of every recorded pause: 1 = as recorded, 0 = none. */
  readonly timeScale: number;
}

/** Folder of the recordings, which lies beside the checkout where somebody put it, and what is missing when nobody did. */
export function gemmaCppRecordings(): { readonly folder: string; readonly missing: Missing } {
  const folder = fileURLToPath(new URL('../../../../shared/data/gemma-cpp/', import.meta.url));
  return {
    folder,
    missing: existsSync(folder) ? undefined : 'the recordings of gemma.cpp are not beside this checkout',
  };
}

/** Reads a recording. */
export function readRecording(path: string): readonly RecordedEvent[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RecordedEvent);
}

/** What a recorded process was started with. */
export function recordedArguments(events: readonly RecordedEvent[]): readonly string[] {
  const meta = events.find(({ stream }) => stream === 'meta')?.data as
    | { readonly args?: readonly string[] }
    | undefined;
  return meta?.args ?? [];
}

/** Everything that a recorded process wrote to stdout. */
export function recordedOutput(events: readonly RecordedEvent[]): string {
  return Buffer.concat(
    events.filter(({ stream }) => stream === 'stdout').map((event) => recordedBytes(event)),
  ).toString();
}

/** The bytes of one event. */
export function recordedBytes({ data, b64 }: RecordedEvent): Buffer {
  if (b64 !== undefined) return Buffer.from(b64, 'base64');
  return Buffer.from(typeof data === 'string' ? data : '');
}

/** Writes an executable called `gemma` into a folder that plays a recording. Its path. */
export function replayGemma(folder: string, replay: Replay): string {
  return writeExecutable(folder, 'replay-gemma.js', replay);
}
