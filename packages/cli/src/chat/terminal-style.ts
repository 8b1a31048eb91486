/** Ways to set text apart. Each closes what it opened, and nothing else. */
export interface TerminalStyle {
  bold(text: string): string;
  dim(text: string): string;
  italic(text: string): string;
  underline(text: string): string;
  strike(text: string): string;
  /** Colours by meaning, of the sixteen that every theme defines. */
  keyword(text: string): string;
  string(text: string): string;
  number(text: string): string;
  comment(text: string): string;
  title(text: string): string;
  code(text: string): string;
  link(text: string): string;
}

/** How much a terminal is given: nothing at all, no colours, or everything. */
export type StyleLevel = 'none' | 'plain' | 'color';

/** Makes the style of a level. `NO_COLOR` asks for no colours; bold and italic are none. */
export function createTerminalStyle(level: StyleLevel): TerminalStyle {
  const plain = (open: number, close: number) => (level === 'none' ? same : wrap(open, close));
  const color = (open: number, close: number) => (level === 'color' ? wrap(open, close) : same);
  return {
    bold: plain(1, 22),
    dim: plain(2, 22),
    italic: plain(3, 23),
    underline: plain(4, 24),
    strike: plain(9, 29),
    keyword: color(35, 39),
    string: color(32, 39),
    number: color(33, 39),
    comment: color(90, 39),
    title: color(36, 39),
    code: color(36, 39),
    link: color(34, 39),
  };
}

function same(text: string): string {
  return text;
}

function wrap(open: number, close: number): (text: string) => string {
  return (text) => (text === '' ? '' : `\u001B[${open}m${text}\u001B[${close}m`);
}
