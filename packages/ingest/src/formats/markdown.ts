/** Characters from the beginning in which a title is looked for. */
const headCharacters = 16_384;

/** What a page of Markdown calls itself: the title of its front matter, else its first heading of the first level. */
export function markdownTitle(text: string): string | null {
  const lines = text
    .slice(0, headCharacters)
    .replace(/^\uFEFF/u, '')
    .split(/\r?\n/u);
  let fence: string | null = null;
  let start = 0;
  if (lines[0] === '---') {
    const end = lines.indexOf('---', 1);
    if (end > 0) {
      const title = lines.slice(1, end).find((line) => /^title\s*:/u.test(line));
      const value = title
        ?.slice(title.indexOf(':') + 1)
        .trim()
        .replace(/^(["'])(.*)\1$/u, '$2');
      if (value !== undefined && value !== '') return value;
      start = end + 1;
    }
  }
  for (const [at, line] of lines.slice(start).entries()) {
    const mark = /^ {0,3}(```|~~~)/u.exec(line)?.[1];
    if (mark !== undefined) fence = fence === null ? mark : fence === mark ? null : fence;
    if (fence !== null) continue;
    if (line.startsWith('# '))
      return (
        line
          .slice(2)
          .replace(/\s+#+\s*$/u, '')
          .trim() || null
      );
    if (/^=+\s*$/u.test(line)) {
      const above = lines[start + at - 1]?.trim();
      if (at > 0 && above !== undefined && above !== '') return above;
    }
  }
  return null;
}
