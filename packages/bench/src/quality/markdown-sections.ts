/** What stands under one heading of a page, up to the next heading of any level. */
export interface MarkdownSection {
  /** Page and heading, as a link to it is written: `cli.md#exit-codes`. */
  readonly id: string;
  /** The headings above it and its own, the page's first. */
  readonly headings: readonly string[];
  /** Without the heading. May be empty. */
  readonly text: string;
}

/**
 * Cuts a Markdown page at its headings (`#` to `######`, not in code blocks). Sections are named as GitHub names the
 * anchors of headings, a second one of the same heading with `-1`. What stands before the first heading has the page's
 * name and `#` alone. Comments are left out.
 *
 * @param page - Its path in the folder of the pages, with slashes.
 */
export function markdownSections(page: string, markdown: string): readonly MarkdownSection[] {
  const sections: { id: string; headings: readonly string[]; lines: string[] }[] = [
    { id: `${page}#`, headings: [], lines: [] },
  ];
  const slugs = new Map<string, number>();
  const above: { readonly level: number; readonly heading: string }[] = [];
  let fence: string | null = null;
  for (const line of markdown.replaceAll(/<!--[^]*?-->/g, '').split(/\r?\n/)) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (mark !== undefined) {
      if (fence === null) fence = mark;
      else if (mark.startsWith(fence) && line.trim() === mark) fence = null;
    }
    const [, signs, title] =
      (fence === null && mark === undefined && /^(#{1,6})\s+(.+?)(?:\s+#+)?\s*$/.exec(line)) || [];
    if (signs === undefined || title === undefined) {
      sections.at(-1)?.lines.push(line);
      continue;
    }
    const heading = plain(title);
    while ((above.at(-1)?.level ?? 0) >= signs.length) above.pop();
    above.push({ level: signs.length, heading });
    const slug = slugOf(heading);
    const times = slugs.get(slug) ?? 0;
    slugs.set(slug, times + 1);
    const id = `${page}#${times === 0 ? slug : `${slug}-${times}`}`;
    sections.push({ id, headings: above.map((one) => one.heading), lines: [] });
  }
  return sections.map(({ id, headings, lines }) => ({ id, headings, text: lines.join('\n').trim() }));
}

/** A heading without marks of code, emphasis and links. */
function plain(title: string): string {
  return title
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/(`+)(.+?)\1/g, '$2')
    .replaceAll(/\*\*(.+?)\*\*/g, '$1');
}

function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
    .replaceAll(' ', '-');
}
