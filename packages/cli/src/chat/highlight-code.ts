import type { TerminalStyle } from './terminal-style.ts';

/** Colours the lines of one piece of code, in their order. */
export type Highlighter = (line: string) => string;

/**
 * Makes a highlighter for a language as a fence names it. It carries open comments and strings from line to line and
 * nothing else, so that a line is final as soon as it is complete. An unknown language is left as it is.
 */
export function createHighlighter(language: string, style: TerminalStyle): Highlighter {
  const name =
    language
      .trim()
      .toLowerCase()
      .split(/[\s{:,]/, 1)[0] ?? '';
  if (name === 'diff' || name === 'patch') return (line) => highlightDiff(line, style);
  const grammar = grammars.get(name);
  if (grammar === undefined) return (line) => line;
  let open: Region | undefined;

  return (line) => {
    if (line.length > lineCharsMax) return line;
    let output = '';
    let rest = line;
    while (rest !== '') {
      if (open !== undefined) {
        const end = endOf(open, rest);
        output += style[open.kind](rest.slice(0, end ?? rest.length));
        rest = rest.slice(end ?? rest.length);
        if (end !== undefined || open.lines !== true) open = undefined;
        continue;
      }
      const { length, kind, region } = nextToken(rest, grammar);
      if (region === undefined) {
        const token = rest.slice(0, length);
        output += kind === undefined ? token : style[kind](token);
        rest = rest.slice(length);
        continue;
      }
      const end = endOf(region, rest.slice(region.open.length));
      const cut = end === undefined ? rest.length : region.open.length + end;
      output += style[region.kind](rest.slice(0, cut));
      rest = rest.slice(cut);
      if (end === undefined && region.lines === true) open = region;
    }
    return output;
  };
}

/** Nobody reads the colours of a longer line, and finding them would take a while. */
const lineCharsMax = 2000;

type Kind = 'keyword' | 'string' | 'number' | 'comment' | 'title';

/** Something that goes on until its end mark, or to the end of the line. */
interface Region {
  readonly kind: Kind;
  readonly open: string;
  /** `undefined`: the end of the line. */
  readonly close?: string;
  /** Goes on over the end of a line. */
  readonly lines?: boolean;
}

interface Grammar {
  readonly keywords: ReadonlySet<string>;
  readonly regions: readonly Region[];
  /** Keywords in any case, as in SQL. */
  readonly anyCase?: boolean;
  /** Names of this form are keys, as before a colon. */
  readonly key?: RegExp;
}

interface Token {
  readonly length: number;
  readonly kind?: Kind | undefined;
  readonly region?: Region;
}

function nextToken(text: string, { keywords, regions, anyCase, key }: Grammar): Token {
  // Before strings: the key of an object may be one.
  const keyed = key?.exec(text)?.[0];
  if (keyed !== undefined && keyed !== '') return { length: keyed.length, kind: 'title' };
  const region = regions.find(({ open }) => text.startsWith(open));
  if (region !== undefined) return { length: 0, region };
  const word = /^[\p{L}_$@][\p{L}\p{N}_$-]*/u.exec(text)?.[0];
  if (word !== undefined) {
    const name = /^[^-]+/.exec(word)?.[0] ?? word;
    const isWhole = keywords.has(anyCase === true ? word.toLowerCase() : word);
    if (isWhole) return { length: word.length, kind: 'keyword' };
    const isKeyword = keywords.has(anyCase === true ? name.toLowerCase() : name);
    if (isKeyword) return { length: name.length, kind: 'keyword' };
    return { length: name.length, kind: /^\s*\(/.test(text.slice(name.length)) ? 'title' : undefined };
  }
  const number = /^(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)\w*/.exec(text)?.[0];
  if (number !== undefined) return { length: number.length, kind: 'number' };
  // The whole of a run of marks, but not past the beginning of a region.
  return { length: /^\s+/.exec(text)?.[0].length ?? String.fromCodePoint(text.codePointAt(0) ?? 0).length };
}

/** Where the region ends in `text`, its end mark included. A backslash keeps the mark after it from ending a string. */
function endOf({ kind, close }: Region, text: string): number | undefined {
  if (close === undefined) return undefined;
  for (let index = 0; index <= text.length - close.length; index += 1) {
    if (kind === 'string' && text[index] === '\\') index += 1;
    else if (text.startsWith(close, index)) return index + close.length;
  }
  return undefined;
}

function highlightDiff(line: string, style: TerminalStyle): string {
  if (/^(?:\+\+\+|---|diff |index )/.test(line)) return style.bold(line);
  if (line.startsWith('@@')) return style.title(line);
  if (line.startsWith('+')) return style.string(line);
  return line.startsWith('-') ? style.keyword(line) : line;
}

const quotes: readonly Region[] = [
  { kind: 'string', open: '"', close: '"' },
  { kind: 'string', open: "'", close: "'" },
];
const slashes: readonly Region[] = [
  { kind: 'comment', open: '//' },
  { kind: 'comment', open: '/*', close: '*/', lines: true },
];
const hash: Region = { kind: 'comment', open: '#' };
const backquote: Region = { kind: 'string', open: '`', close: '`', lines: true };
const tripleQuotes: readonly Region[] = [
  { kind: 'string', open: '"""', close: '"""', lines: true },
  { kind: 'string', open: "'''", close: "'''", lines: true },
];

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(' '));
}

const grammars: ReadonlyMap<string, Grammar> = new Map(
  (
    [
      [
        'js javascript jsx mjs cjs ts typescript tsx',
        {
          keywords: words(
            'abstract as async await break case catch class const continue debugger declare default delete do else enum export extends false finally for from function get if implements import in infer instanceof interface is keyof let namespace new null of private protected public readonly return satisfies set static super switch this throw true try type typeof undefined unknown var void while with yield',
          ),
          regions: [...slashes, backquote, ...quotes],
        },
      ],
      [
        'py python python3',
        {
          keywords: words(
            'False None True and as assert async await break case class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return self try while with yield',
          ),
          regions: [hash, ...tripleQuotes, ...quotes],
        },
      ],
      [
        'sh bash zsh shell console fish',
        {
          keywords: words(
            'case cd do done echo elif else esac exit export fi for function if in local return select set shift source sudo then time unset until while',
          ),
          regions: [
            hash,
            { kind: 'string', open: '"', close: '"', lines: true },
            { kind: 'string', open: "'", close: "'", lines: true },
          ],
        },
      ],
      [
        'json jsonc json5',
        {
          keywords: words('true false null'),
          regions: [...slashes, ...quotes],
          key: /^"(?:[^"\\]|\\.)*"(?=\s*:)/,
        },
      ],
      [
        'yaml yml',
        { keywords: words('true false null yes no'), regions: [hash, ...quotes], key: /^[\w./-]+(?=:(?:\s|$))/ },
      ],
      [
        'toml ini properties env',
        {
          keywords: words('true false'),
          regions: [hash, ...tripleQuotes, ...quotes],
          key: /^(?:\[[^\]]*\]|[\w.-]+(?=\s*=))/,
        },
      ],
      [
        'c h cpp c++ cc hpp cuda objc',
        {
          keywords: words(
            'auto bool break case catch char class concept const consteval constexpr continue default delete do double else enum explicit export extern false final float for friend goto if inline int long mutable namespace new noexcept nullptr operator override private protected public requires return short signed sizeof static static_cast struct switch template this throw true try typedef typename union unsigned using virtual void volatile while',
          ),
          regions: [...slashes, hash, ...quotes],
        },
      ],
      [
        'java kotlin kt scala groovy',
        {
          keywords: words(
            'abstract as boolean break byte case catch char class companion const continue data def default do double else enum extends false final finally float for fun if implements import in init instanceof int interface internal is lazy long match new null object open override package private protected public record return sealed short static super suspend switch synchronized this throw throws trait true try typealias val var void volatile when where while yield',
          ),
          regions: [...slashes, ...tripleQuotes, ...quotes],
        },
      ],
      [
        'cs csharp c#',
        {
          keywords: words(
            'abstract as async await base bool break byte case catch char class const continue decimal default delegate do double else enum event explicit extern false finally fixed float for foreach get goto if implicit in int interface internal is lock long namespace new null object operator out override params private protected public readonly record ref return sbyte sealed set short static string struct switch this throw true try typeof uint ulong unchecked using var virtual void volatile when while yield',
          ),
          regions: [...slashes, ...quotes],
        },
      ],
      [
        'go golang',
        {
          keywords: words(
            'any append bool break byte case chan const continue default defer else error fallthrough false float64 for func go goto if import int int64 interface len make map new nil package range return rune select string struct switch true type uint var',
          ),
          regions: [...slashes, backquote, ...quotes],
        },
      ],
      [
        'rs rust',
        {
          keywords: words(
            'as async await bool break const continue crate dyn else enum extern false fn for if impl in let loop match mod move mut pub ref return self Self static struct super trait true type unsafe use usize where while i32 i64 u8 u32 u64 f32 f64 str String Option Result Some None Ok Err',
          ),
          // No single quotes: they begin lifetimes, too.
          regions: [...slashes, { kind: 'string', open: '"', close: '"', lines: true }],
        },
      ],
      [
        'swift',
        {
          keywords: words(
            'actor as async await break case catch class continue default defer do else enum extension false fileprivate for func guard if import in init inout internal is let nil open operator private protocol public return self Self static struct subscript super switch throw throws true try typealias var where while',
          ),
          regions: [...slashes, ...tripleQuotes, ...quotes],
        },
      ],
      [
        'php',
        {
          keywords: words(
            'abstract and array as break case catch class clone const continue declare default do echo else elseif enum extends false final finally fn for foreach function global if implements include instanceof interface match namespace new null or private protected public readonly require return static switch this throw trait true try use var while yield',
          ),
          regions: [...slashes, hash, ...quotes],
        },
      ],
      [
        'rb ruby',
        {
          keywords: words(
            'alias and begin break case class def defined? do else elsif end ensure false for if in module next nil not or puts redo require rescue retry return self super then true undef unless until when while yield',
          ),
          regions: [hash, ...quotes],
        },
      ],
      [
        'lua',
        {
          keywords: words(
            'and break do else elseif end false for function goto if in local nil not or repeat return then true until while',
          ),
          regions: [
            { kind: 'comment', open: '--[[', close: ']]', lines: true },
            { kind: 'comment', open: '--' },
            { kind: 'string', open: '[[', close: ']]', lines: true },
            ...quotes,
          ],
        },
      ],
      [
        'sql postgres postgresql mysql sqlite',
        {
          keywords: words(
            'add all alter and as asc avg begin between by case check column commit constraint count create cross database default delete desc distinct drop else end exists false foreign from full group having if in index inner insert into is join key left like limit max min not null offset on or order outer primary references returning right rollback select set sum table then true union unique update using values view when where with',
          ),
          anyCase: true,
          regions: [
            { kind: 'comment', open: '--' },
            { kind: 'comment', open: '/*', close: '*/', lines: true },
            ...quotes,
          ],
        },
      ],
      [
        'html xml svg vue svelte',
        {
          keywords: words(''),
          regions: [{ kind: 'comment', open: '<!--', close: '-->', lines: true }, ...quotes],
          key: /^<\/?[\w:-]+|^\/?>/,
        },
      ],
      [
        'css scss less',
        {
          keywords: words('@media @import @keyframes @font-face @supports @use @mixin @include !important'),
          regions: [...slashes, ...quotes],
          key: /^[\w-]+(?=\s*:)/,
        },
      ],
      [
        'dockerfile docker make makefile cmake',
        {
          keywords: words(
            'FROM RUN CMD COPY ADD ENV EXPOSE ENTRYPOINT WORKDIR USER ARG LABEL VOLUME AS include ifeq ifneq else endif define endef export',
          ),
          regions: [hash, ...quotes],
        },
      ],
      [
        'r julia perl pl elixir ex nim',
        {
          keywords: words(
            'and begin break case def defmodule do else elseif elsif end false for foreach function if import in let local mod module my next not nothing or our package print proc repeat return struct sub then true until use using var when while FALSE NULL TRUE',
          ),
          regions: [hash, ...quotes],
        },
      ],
    ] as const satisfies readonly (readonly [string, Grammar])[]
  ).flatMap(([names, grammar]): [string, Grammar][] => names.split(' ').map((name) => [name, grammar])),
);
