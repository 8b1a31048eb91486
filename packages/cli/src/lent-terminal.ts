let programs = 0;

/** Whether another program has the terminal: then a Ctrl-C is typed for it, and ends nothing here. */
export function isTerminalLent(): boolean {
  return programs > 0;
}

/** Lends the terminal to a program for as long as `work` takes. */
export async function lendTerminal<T>(work: () => Promise<T>): Promise<T> {
  programs += 1;
  try {
    return await work();
  } finally {
    programs -= 1;
  }
}
