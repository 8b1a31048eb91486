import { skip } from './skip.ts';

/** What a document is read as. */
export type DocumentKind =
  | 'text'
  | 'markdown'
  | 'code'
  | 'html'
  | 'pdf'
  | 'docx'
  | 'csv'
  | 'json'
  | 'jsonl'
  | 'notebook'
  | 'epub'
  | 'mail';

/** A kind, and the name of the format that it stands for. */
export interface KnownKind {
  readonly kind: DocumentKind;
  readonly mediaType: string;
}

/** Bytes from the beginning of a source that decide on its kind. */
export const headBytes = 8_192;

/**
 * What a source is, by its first bytes, then by what its sender says, then by its name.
 *
 * @param options.head - Its first {@link headBytes}, or all of it.
 * @param options.name - File name or path; `null` = it has none.
 * @param options.mediaType - What a server said, without parameters; `null` = nothing.
 * @throws GemmaError `DOCUMENT_UNSUPPORTED` for binary formats that are not read.
 */
export function documentKind({
  head,
  name,
  mediaType,
}: {
  readonly head: Buffer;
  readonly name: string | null;
  readonly mediaType: string | null;
}): KnownKind {
  const byName = kindOfName(name);
  const said = (mediaType === null ? undefined : kindsByMediaType[mediaType.toLowerCase()]) ?? byName;
  const packed = kindOfMagic(head);
  if (packed === 'pdf') return { kind: 'pdf', mediaType: 'application/pdf' };
  if (packed === 'zip') {
    if (said?.kind === 'docx' || said?.kind === 'epub') return said;
    const inside = kindOfArchive(head);
    if (inside !== null) return inside;
    throw skip(
      'DOCUMENT_UNSUPPORTED',
      /\.(?:xls|ppt|od|sx)[a-z]{1,2}$/iu.test(name ?? '')
        ? 'it is of an office format that is not read: save it as DOCX, PDF or CSV'
        : 'it is an archive: unpack it, and read the folder',
    );
  }
  if (packed !== null) throw skip('DOCUMENT_UNSUPPORTED', `it is ${packed}, which is not read`);
  if (said?.kind === 'pdf' || said?.kind === 'docx' || said?.kind === 'epub') {
    throw skip('DOCUMENT_UNREADABLE', `it does not begin as ${nouns[said.kind]} does`);
  }
  if (isBinary(head)) throw skip('DOCUMENT_UNSUPPORTED', 'it is binary, of a format that is not read');
  if (said === undefined || said.kind === 'text') {
    if (/^\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype html|html)[\s>]/iu.test(head.subarray(0, 1_024).toString('latin1'))) {
      return { kind: 'html', mediaType: 'text/html' };
    }
  }
  // A server calls many a source file and many a page of Markdown plain text.
  if (said?.kind === 'text' && byName !== undefined) return byName;
  return said ?? { kind: 'text', mediaType: 'text/plain' };
}

/** Documents that are archives and come without a name: the names of their first files tell. */
function kindOfArchive(head: Buffer): KnownKind | null {
  if (head.includes('mimetypeapplication/epub+zip')) return kindsByExtension.get('epub') ?? null;
  if (head.includes('[Content_Types].xml') && head.includes('word/')) return kindsByExtension.get('docx') ?? null;
  return null;
}

const nouns = { pdf: 'a PDF', docx: 'a DOCX', epub: 'an EPUB' } as const;

function kindOfName(name: string | null): KnownKind | undefined {
  if (name === null) return undefined;
  const base = name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1).toLowerCase();
  const dot = base.lastIndexOf('.');
  return kindsByName.get(base) ?? (dot < 0 ? undefined : kindsByExtension.get(base.slice(dot + 1)));
}

/** Formats that tell themselves by their first bytes: `pdf`, `zip`, or the words for one that is not read; `null` = none. */
function kindOfMagic(head: Buffer): string | null {
  // A PDF may have a kilobyte of anything in front of it.
  if (head.subarray(0, 1_024).includes('%PDF-')) return 'pdf';
  const hex = head.subarray(0, 16).toString('hex');
  for (const [magic, name] of magics) if (hex.startsWith(magic)) return name;
  return null;
}

const magics: readonly (readonly [string, string])[] = [
  ['504b0304', 'zip'],
  ['504b0506', 'zip'],
  ['d0cf11e0a1b11ae1', 'a document of an old or encrypted office format'],
  ['1f8b', 'compressed'],
  ['425a68', 'compressed'],
  ['fd377a585a00', 'compressed'],
  ['28b52ffd', 'compressed'],
  ['377abcaf271c', 'an archive'],
  ['526172211a07', 'an archive'],
  ['89504e470d0a1a0a', 'a picture'],
  ['ffd8ff', 'a picture'],
  ['474946383761', 'a picture'],
  ['474946383961', 'a picture'],
  ['7f454c46', 'a program'],
  ['cafebabe', 'a program'],
  ['0061736d', 'a program'],
  ['53514c69746520666f726d6174203300', 'a database'],
  ['47475546', 'a model'],
];

/**
 * Whether bytes are no text of any encoding: many control characters, or a NUL that is neither one of few in valid UTF-8
 * nor the half of a UTF-16 character.
 */
function isBinary(head: Buffer): boolean {
  if (head.length >= 2 && (head.readUInt16LE(0) === 0xfeff || head.readUInt16LE(0) === 0xfffe)) return false;
  let nulsEven = 0;
  let nulsOdd = 0;
  let controls = 0;
  // An iterator over each byte was seen in profiles.
  for (let at = 0; at < head.length; at++) {
    const byte = head[at] ?? 0;
    if (byte === 0) {
      if (at % 2 === 0) nulsEven++;
      else nulsOdd++;
    } else if (byte < 0x20 && !(byte >= 0x08 && byte <= 0x0d) && byte !== 0x1b) controls++;
  }
  if (utf16Order({ nulsEven, nulsOdd, bytes: head.length }) !== null) return controls * 20 > head.length;
  const nuls = nulsEven + nulsOdd;
  if (nuls > 0 && isUtf8Head(head)) return nuls + controls > 4 + head.length / 50;
  return nuls > 0 || controls > 4 + head.length / 50;
}

/** Whether bytes are valid UTF-8 as far as they go; the last character may be cut. */
function isUtf8Head(head: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/** Which half of most characters is NUL, as in UTF-16 of a Latin text without a byte order mark. */
export function utf16Order({
  nulsEven,
  nulsOdd,
  bytes,
}: {
  readonly nulsEven: number;
  readonly nulsOdd: number;
  readonly bytes: number;
}): 'utf-16le' | 'utf-16be' | null {
  const half = bytes / 2;
  if (nulsOdd > half * 0.6 && nulsEven < half * 0.05) return 'utf-16le';
  if (nulsEven > half * 0.6 && nulsOdd < half * 0.05) return 'utf-16be';
  return null;
}

const kindsByMediaType: Readonly<Record<string, KnownKind>> = Object.fromEntries(
  (
    [
      ['text', ['text/plain', 'application/octet-stream', 'binary/octet-stream']],
      ['markdown', ['text/markdown', 'text/x-markdown']],
      ['html', ['text/html', 'application/xhtml+xml']],
      ['pdf', ['application/pdf']],
      ['docx', ['application/vnd.openxmlformats-officedocument.wordprocessingml.document']],
      ['csv', ['text/csv', 'text/tab-separated-values']],
      ['json', ['application/json', 'application/ld+json', 'application/manifest+json']],
      ['jsonl', ['application/jsonl', 'application/x-ndjson']],
      ['notebook', ['application/x-ipynb+json']],
      ['epub', ['application/epub+zip']],
      ['mail', ['message/rfc822']],
      [
        'code',
        ['text/javascript', 'application/javascript', 'text/css', 'text/xml', 'application/xml', 'application/yaml'],
      ],
    ] as const
  ).flatMap(([kind, names]) => names.map((mediaType) => [mediaType, { kind, mediaType }])),
);

const kindsByExtension: ReadonlyMap<string, KnownKind> = new Map(
  (
    [
      ['text', 'text/plain', 'txt text log rst adoc asciidoc org tex srt vtt'],
      ['markdown', 'text/markdown', 'md markdown mdown mkd mdx'],
      ['html', 'text/html', 'html htm xhtml'],
      ['pdf', 'application/pdf', 'pdf'],
      ['docx', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'docx docm dotx'],
      ['csv', 'text/csv', 'csv'],
      ['csv', 'text/tab-separated-values', 'tsv tab'],
      ['json', 'application/json', 'json geojson webmanifest'],
      ['jsonl', 'application/jsonl', 'jsonl ndjson'],
      ['notebook', 'application/x-ipynb+json', 'ipynb'],
      ['epub', 'application/epub+zip', 'epub'],
      ['mail', 'message/rfc822', 'eml'],
      ['code', 'text/javascript', 'js mjs cjs jsx'],
      ['code', 'text/typescript', 'ts mts cts tsx'],
      ['code', 'text/x-python', 'py pyi pyw'],
      ['code', 'text/x-c', 'c h'],
      ['code', 'text/x-c++', 'cc cpp cxx hh hpp hxx ipp'],
      ['code', 'text/x-rust', 'rs'],
      ['code', 'text/x-go', 'go'],
      ['code', 'text/x-java', 'java kt kts scala groovy gradle'],
      ['code', 'text/x-csharp', 'cs fs fsx vb'],
      ['code', 'text/x-shellscript', 'sh bash zsh fish ps1 bat cmd'],
      ['code', 'text/css', 'css scss sass less'],
      ['code', 'text/xml', 'xml xsd xsl xslt svg plist'],
      ['code', 'application/yaml', 'yaml yml'],
      ['code', 'application/toml', 'toml ini cfg conf properties env'],
      ['code', 'application/sql', 'sql'],
      ['code', 'text/x-ruby', 'rb php pl pm lua tcl r jl swift dart m mm'],
      ['code', 'text/x-haskell', 'hs elm ml mli clj cljs cljc ex exs erl hrl lisp el scm rkt nim zig v d pas asm s'],
      ['code', 'text/x-source', 'vue svelte astro graphql gql proto tf hcl nix cmake mk bzl sol glsl wgsl hlsl cu'],
    ] as const
  ).flatMap(([kind, mediaType, extensions]) =>
    extensions.split(' ').map((extension) => [extension, { kind, mediaType }] as const),
  ),
);

const kindsByName: ReadonlyMap<string, KnownKind> = new Map(
  ['makefile', 'dockerfile', 'cmakelists.txt', 'rakefile', 'gemfile', 'justfile', 'jenkinsfile'].map((name) => [
    name,
    { kind: 'code', mediaType: 'text/x-source' },
  ]),
);
