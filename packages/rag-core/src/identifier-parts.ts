/**
 * Takes a name apart at its underscores, hyphens and apostrophes, and where its case says that a word begins:
 * `fooBar`, `foo_bar` and `foo-bar` are `foo` and `bar`, `HTMLParser` is `HTML` and `Parser`. Digits stay with the letters
 * before them: `utf8Text` is `utf8` and `Text`. Pieces without a letter or a digit are left out.
 */
export function identifierParts(name: string): readonly string[] {
  const parts: string[] = [];
  for (const marked of name.split(separators)) {
    // Marks at the start are those of a sign before the word: `≠` written as two characters.
    const piece = marked.replace(leadingMarks, '');
    if (!hasSubstance.test(piece)) continue;
    if (hasInnerCapital.test(piece)) for (const part of piece.split(caseBorders)) parts.push(part);
    else parts.push(piece);
  }
  return parts;
}

const separators = /[_'\-\u2010]+/u;
const leadingMarks = /^\p{M}+/u;
const hasSubstance = /[\p{L}\p{N}]/u;
const hasInnerCapital = /.\p{Lu}/u;
// Before a capital after a small letter or a digit, and before the last capital of several that a small letter follows.
const caseBorders = /(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/u;
