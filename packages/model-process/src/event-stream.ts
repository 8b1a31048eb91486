/**
 * Turns a producer into an async iterable that nothing starts before its first `next()`. Events wait in memory until
 * they are read. Leaving the loop aborts the producer's signal and waits for it to clean up.
 *
 * @param produce - Emits events; its end ends the stream, its error is thrown to the reader after the events before it.
 * @param signal - The caller's signal: aborts the producer's.
 */
export function eventStream<Event>(
  produce: (emit: (event: Event) => void, signal: AbortSignal) => Promise<void>,
  signal?: AbortSignal,
): AsyncIterable<Event> {
  return {
    [Symbol.asyncIterator]() {
      const controller = new AbortController();
      const events = readEvents(controller);
      return {
        next: () => events.next(),
        // A generator keeps `return()` waiting behind a `next()` that has not settled; the abort makes that one settle.
        return: () => {
          controller.abort();
          return events.return(undefined);
        },
      };
    },
  };

  async function* readEvents(controller: AbortController): AsyncGenerator<Event, void, undefined> {
    const onAbort = (): void => controller.abort(signal?.reason);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });

    const events: Event[] = [];
    let wake: (() => void) | undefined;
    let outcome: { readonly error?: unknown } | undefined;
    const producing = produce((event) => {
      events.push(event);
      wake?.();
    }, controller.signal).then(
      () => {
        outcome = {};
        wake?.();
      },
      (error: unknown) => {
        outcome = { error };
        wake?.();
      },
    );

    try {
      for (;;) {
        // A whole batch at a time: taking single events from the front of a long array is linear.
        const batch = events.splice(0);
        for (const event of batch) yield event;
        if (events.length > 0) continue;
        if (outcome !== undefined) {
          if ('error' in outcome) throw outcome.error;
          return;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
      if (outcome === undefined) controller.abort();
      await producing;
    }
  }
}
