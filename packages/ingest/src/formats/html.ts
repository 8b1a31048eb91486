import { Parser } from 'htmlparser2';
import { declaredEncoding, decodeText } from '../decode-text.ts';
import type { ExtractedText, ExtractionJob } from '../extracted-text.ts';
import { skip } from '../skip.ts';
import { createTextBuilder } from './text-builder.ts';
import type { TextBuilder } from './text-builder.ts';

/** A page as Markdown: headings, lists, code and tables keep their shape, the rest is text. */
export async function extractHtml(job: ExtractionJob): Promise<ExtractedText> {
  const { text, encoding } = await decodeText(job.bytes, job.charset ?? declaredEncoding(job.bytes));
  return { ...htmlToMarkdown(text, { charactersMax: job.limits.textCharactersMax }), encoding, format: 'markdown' };
}

/** Not for readers, whatever is inside. */
const dropped: ReadonlySet<string> = new Set(
  'script style template noscript svg math iframe object embed canvas audio video nav select button textarea datalist dialog'.split(
    ' ',
  ),
);
/** A line of their own. */
const lines: ReadonlySet<string> = new Set('br tr dt dd option figcaption summary'.split(' '));
/** Blocks of their own. */
const blocks: ReadonlySet<string> = new Set(
  'p div section article main header footer aside blockquote ul ol dl table pre form fieldset figure details address hr body h1 h2 h3 h4 h5 h6'.split(
    ' ',
  ),
);
/** Elements that have no end. */
const voids: ReadonlySet<string> = new Set(
  'area base br col embed hr img input link meta param source track wbr'.split(' '),
);

/**
 * A page's text and title. Where a page says which part of it is the main one, and that says something, only it is taken.
 *
 * @param options.xml - Whether it is XHTML. Default: HTML.
 */
export function htmlToMarkdown(
  html: string,
  { charactersMax, xml = false }: { readonly charactersMax: number; readonly xml?: boolean },
): { readonly text: string; readonly title: string | null } {
  const out = createTextBuilder(charactersMax);
  let title = '';
  let heading: string | null = null;
  let headingFrom: number | null = null;
  let inTitle = false;
  let main: { from: number; to: number | null } | null = null;
  let mainDepth = 0;
  let pre = 0;
  let cells = 0;
  /** Names of the open elements inside of one that is dropped, that one included. */
  const hidden: string[] = [];

  let depth = 0;
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        if (++depth > depthMax) {
          throw skip('DOCUMENT_TOO_LARGE', `its elements are nested more than ${depthMax} levels deep`);
        }
        if (hidden.length > 0 || dropped.has(name) || isLeftOut(attributes)) {
          if (!voids.has(name)) hidden.push(name);
          return;
        }
        if (name === 'title') inTitle = title === '';
        if (name === 'main' && mainDepth++ === 0) main ??= { from: out.length, to: null };
        open(name, out);
        if (/^h[1-6]$/u.test(name)) {
          out.mark(`${'#'.repeat(Number(name[1]))} `);
          headingFrom = out.length;
        } else if (name === 'pre' && pre++ === 0) out.writeExactly('```\n');
        else if (name === 'li') {
          out.line();
          out.mark('- ');
        } else if (name === 'tr') cells = 0;
        else if ((name === 'td' || name === 'th') && cells++ > 0) out.writeExactly(' | ');
      },
      ontext(text) {
        if (hidden.length > 0) return;
        if (inTitle) {
          if (title.length < 1_000) title += text;
        } else if (pre > 0) out.writeExactly(text);
        else out.write(text);
      },
      onclosetag(name) {
        depth--;
        if (hidden.length > 0) {
          // The parser closes what is open, in order: a name that is not the innermost was dropped with its opening.
          if (hidden.at(-1) === name) hidden.pop();
          return;
        }
        if (name === 'title') inTitle = false;
        if (name === 'pre' && pre > 0 && --pre === 0) {
          out.line();
          out.writeExactly('```');
        }
        if (/^h[1-6]$/u.test(name) && headingFrom !== null) {
          heading ??= out.text(headingFrom).trim() || null;
          headingFrom = null;
        }
        if (name === 'main' && mainDepth > 0 && --mainDepth === 0 && main !== null) main.to ??= out.length;
        if (!voids.has(name)) open(name, out);
      },
    },
    { xmlMode: xml, lowerCaseTags: true, lowerCaseAttributeNames: true, decodeEntities: true },
  );
  parser.write(html);
  parser.end();

  const text = out.text();
  return { text: mainPart(text, main), title: title.replace(/\s+/gu, ' ').trim() || heading };
}

function open(name: string, out: TextBuilder): void {
  if (blocks.has(name)) out.block();
  else if (lines.has(name)) out.line();
}

/** What is not shown may say what no reader would see; what only leads elsewhere says nothing. */
function isLeftOut(attributes: Readonly<Record<string, string>>): boolean {
  return (
    'hidden' in attributes ||
    attributes['role'] === 'navigation' ||
    attributes['aria-hidden'] === 'true' ||
    /(?:display\s*:\s*none|visibility\s*:\s*hidden)/iu.test(attributes['style'] ?? '')
  );
}

/** Browsers stop at 512. Each closing tag looks for its opening one, so that depth costs time. */
const depthMax = 2_000;

/** Characters that the main part of a page has at least. */
const mainCharactersMin = 200;

function mainPart(text: string, main: { readonly from: number; readonly to: number | null } | null): string {
  if (main === null) return text;
  const part = text.slice(main.from, main.to ?? undefined);
  return part.trim().length >= mainCharactersMin ? part.trim() : text;
}
