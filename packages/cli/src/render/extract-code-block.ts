/**
 * The content of the first or last fenced code block of a Markdown text, without its fence; `undefined` when there is
 * none. A block that is not closed reaches to the end of the text.
 */
export function extractCodeBlock(text: string, which: 'first' | 'last'): string | undefined {
  let found: string | undefined;
  let open: { readonly mark: string; readonly indent: number; readonly lines: string[] } | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (open === undefined) {
      // Of backticks the info string holds none: `` ```x``` `` in one line is code in a sentence.
      const [, indent = '', mark] = /^( {0,3})(`{3,})[^`]*$/.exec(line) ?? /^( {0,3})(~{3,})/.exec(line) ?? [];
      if (mark !== undefined) open = { mark, indent: indent.length, lines: [] };
      continue;
    }
    const closing = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line)?.[1];
    if (closing !== undefined && closing[0] === open.mark[0] && closing.length >= open.mark.length) {
      found = blockText(open.lines);
      open = undefined;
      if (which === 'first') return found;
    } else open.lines.push(withoutIndent(line, open.indent));
  }
  return open === undefined ? found : blockText(open.lines);
}

function blockText(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** A fence that is indented takes as many spaces off its lines. */
function withoutIndent(line: string, indent: number): string {
  const spaces = /^ */.exec(line)?.[0].length ?? 0;
  return line.slice(Math.min(spaces, indent));
}
