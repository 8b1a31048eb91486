import { parentPort } from 'node:worker_threads';
import { extractText } from './extract-text.ts';
import type { ExtractedText, ExtractionJob } from './extracted-text.ts';
import { skipReasonOf } from './skip.ts';
import type { SkipReason } from './skip.ts';

/** What the thread answers to a job. */
export type ExtractionAnswer = { readonly extracted: ExtractedText } | { readonly skip: SkipReason };

// A thread of its own: a damaged document can keep a parser busy for ever, and no other way stops it.
parentPort?.on('message', (job: ExtractionJob) => {
  void answerTo(job).then((answer) => {
    // eslint-disable-next-line unicorn/require-post-message-target-origin -- a port of Node has no origin
    parentPort?.postMessage(answer);
  });
});

async function answerTo(job: ExtractionJob): Promise<ExtractionAnswer> {
  try {
    return { extracted: await extractText(job) };
  } catch (error) {
    return { skip: skipReasonOf(error, 'DOCUMENT_UNREADABLE') };
  }
}
