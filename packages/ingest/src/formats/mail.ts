import PostalMime from 'postal-mime';
import type { ExtractedText, ExtractionJob } from '../extracted-text.ts';
import { htmlToMarkdown } from './html.ts';
import { createTextBuilder } from './text-builder.ts';

/** A mail: who wrote to whom, when and about what, then what it says. Attachments are named, not read. */
export async function extractMail({ bytes, limits }: ExtractionJob): Promise<ExtractedText> {
  const mail = await PostalMime.parse(bytes, { maxNestingDepth: 32 });
  const out = createTextBuilder(limits.textCharactersMax);
  const lines: readonly (readonly [string, string | undefined])[] = [
    ['From', people(mail.from === undefined ? [] : [mail.from])],
    ['To', people(mail.to ?? [])],
    ['Cc', people(mail.cc ?? [])],
    ['Date', mail.date],
    ['Subject', mail.subject],
  ];
  for (const [name, value] of lines) {
    if (value === undefined || value === '') continue;
    out.write(`${name}: ${value}`);
    out.line();
  }
  out.block();
  const text = mail.text?.trim() ?? '';
  out.writeExactly(
    text !== '' ? text : htmlToMarkdown(mail.html ?? '', { charactersMax: limits.textCharactersMax }).text.trim(),
  );
  out.block();
  for (const { filename } of mail.attachments) {
    if (filename === null || filename === undefined) continue;
    out.write(`Attachment: ${filename}`);
    out.line();
  }
  return { text: out.text(), format: 'prose', title: mail.subject?.trim() || null, encoding: null };
}

interface Person {
  readonly name?: string;
  readonly address?: string | undefined;
}

function people(list: readonly Person[]): string {
  return list
    .map(({ name = '', address = '' }) => (name === '' ? address : address === '' ? name : `${name} <${address}>`))
    .filter((person) => person !== '')
    .join(', ');
}
