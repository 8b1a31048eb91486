/** Lines of the input, `null` at its end. An unterminated last line counts. */
export function readLines(): { next(): Promise<string | null> } {
  let buffered = '';
  let ended = false;
  let wake = (): void => {};
  process.stdin
    .setEncoding('utf8')
    .on('data', (text: string) => {
      buffered += text;
      wake();
    })
    .on('end', () => {
      ended = true;
      wake();
    });
  return {
    async next() {
      for (;;) {
        const end = buffered.indexOf('\n');
        if (end >= 0) {
          const line = buffered.slice(0, end);
          buffered = buffered.slice(end + 1);
          return line;
        }
        if (ended) {
          const rest = buffered;
          buffered = '';
          return rest === '' ? null : rest;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
