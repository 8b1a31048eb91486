/** Cleans text that arrives in pieces. */
export interface TerminalSanitizer {
  /** Gives what of `chunk`, and of text held back before, is safe to print. */
  write(chunk: string): string;
  /** Gives what is left and begins anew. A control sequence that never ended is dropped. */
  end(): string;
}

/** Cleans a whole text; see {@link createTerminalSanitizer}. */
export function sanitizeTerminalText(text: string): string {
  const sanitizer = createTerminalSanitizer();
  return sanitizer.write(text) + sanitizer.end();
}

/**
 * Makes text of a stranger (a model, a document, a server) harmless to a terminal. Removed: control sequences (CSI, OSC,
 * DCS, APC, PM, SOS, two-character escapes, their 8-bit forms) and every control character but newline and tab. Shown
 * as `\u{202E}`: invisible and bidirectional characters, line and paragraph separators. A lone surrogate becomes U+FFFD.
 * Joiners and variation selectors stay where writing needs them: after an emoji, or after a letter of a joining script.
 *
 * However the text is cut into chunks, the pieces add up to the same result. A control string (OSC, DCS, …) that is not
 * closed ends at the next newline or after {@link controlStringCharsMax} characters, so that it cannot hide the answer.
 */
export function createTerminalSanitizer(): TerminalSanitizer {
  let state: State = 'ground';
  let stringChars = 0;
  /** A high surrogate at the end of a chunk: its other half may come with the next one. */
  let heldBack = '';
  /** Which characters that show nothing may stand here. */
  let allowed: 'none' | 'selector' | 'joiner' = 'none';

  function takeAll(text: string): string {
    let output = '';
    for (const character of text) output += take(character);
    return output;
  }

  function take(character: string): string {
    const code = character.codePointAt(0) ?? 0;
    switch (state) {
      case 'ground':
        return takeGround(character, code);
      case 'escape':
        return takeEscape(character, code);
      case 'escape-intermediate':
        if (code >= 0x20 && code <= 0x2f) return '';
        state = 'ground';
        return code >= 0x30 && code <= 0x7e ? '' : takeGround(character, code);
      case 'csi':
        if (code >= 0x20 && code <= 0x3f) return '';
        state = 'ground';
        return code >= 0x40 && code <= 0x7e ? '' : takeGround(character, code);
      case 'string':
        return takeString(character, code);
      case 'string-escape':
        state = 'ground';
        // ESC \ closes the string; any other ESC inside it closes it too and begins a sequence of its own.
        return code === 0x5c ? '' : takeEscape(character, code);
    }
  }

  function takeEscape(character: string, code: number): string {
    if (code === 0x1b) state = 'escape';
    else if (code === 0x5b) state = 'csi';
    else if (code === 0x5d || code === 0x50 || code === 0x58 || code === 0x5e || code === 0x5f) beginString();
    else if (code >= 0x20 && code <= 0x2f) state = 'escape-intermediate';
    else {
      state = 'ground';
      if (code < 0x30 || code > 0x7e) return takeGround(character, code);
    }
    return '';
  }

  function takeString(character: string, code: number): string {
    stringChars += 1;
    if (code === 0x0a) {
      state = 'ground';
      return '\n';
    }
    if (code === 0x1b) state = 'string-escape';
    else if (code === 0x07 || code === 0x9c || stringChars > controlStringCharsMax) state = 'ground';
    return '';
  }

  function takeGround(character: string, code: number): string {
    if (code >= 0x20 && code < 0x7f) {
      allowed = keycaps.includes(character) ? 'selector' : 'none';
      return character;
    }
    if (code === 0x0a || code === 0x09) {
      allowed = 'none';
      return character;
    }
    if (code === 0x1b) state = 'escape';
    else if (code === 0x9b) state = 'csi';
    else if (code === 0x90 || code === 0x98 || code === 0x9d || code === 0x9e || code === 0x9f) beginString();
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return '';
    if (code >= 0xd800 && code <= 0xdfff) {
      allowed = 'none';
      return '\u{FFFD}';
    }
    if (code === 0x200c || code === 0x200d || code === 0xfe0e || code === 0xfe0f) {
      const isSelector = code >= 0xfe0e;
      const stays = allowed === 'joiner' || (allowed === 'selector' && isSelector);
      // A selector may be followed by a joiner (a heart on fire); nothing else of these may follow another.
      allowed = stays && allowed === 'joiner' && isSelector ? 'joiner' : 'none';
      return stays ? character : escapeCharacter(code);
    }
    if (invisible.test(character)) {
      allowed = 'none';
      return escapeCharacter(code);
    }
    allowed = joinable.test(character) ? 'joiner' : 'none';
    return character;
  }

  function beginString(): void {
    state = 'string';
    stringChars = 0;
  }

  return {
    write(chunk) {
      const text = heldBack + chunk;
      const last = text.charCodeAt(text.length - 1);
      const cut = last >= 0xd800 && last <= 0xdbff ? text.length - 1 : text.length;
      heldBack = text.slice(cut);
      return takeAll(text.slice(0, cut));
    },
    end() {
      const output = takeAll(heldBack);
      heldBack = '';
      state = 'ground';
      allowed = 'none';
      return output;
    },
  };
}

/** A control string that is longer than this is not one that a terminal would honour either. */
const controlStringCharsMax = 4096;

type State = 'ground' | 'escape' | 'escape-intermediate' | 'csi' | 'string' | 'string-escape';

/** What a selector makes a keycap of. */
const keycaps = '0123456789#*';

/** After these, a joiner changes what is seen: emoji, and letters and marks of scripts whose letters join. */
const joinable =
  /^[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Mongolian}]$/u;

/** Characters that show nothing, reorder what is around them, or break a line behind the reader's back. */
const invisible =
  /^[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Line_Separator}\p{Paragraph_Separator}\u{FFF9}-\u{FFFB}]$/u;

function escapeCharacter(code: number): string {
  return `\\u{${code.toString(16).toUpperCase()}}`;
}
