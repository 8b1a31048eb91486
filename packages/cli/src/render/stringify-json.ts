/**
 * JSON on one line in which every character that a terminal could act on, or that shows nothing, is written as `\uXXXX`.
 * The value stays the same.
 */
export function stringifyJson(value: unknown): string {
  return JSON.stringify(value).replace(unsafe, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

const unsafe =
  /[\u{7F}-\u{9F}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Line_Separator}\p{Paragraph_Separator}\u{FFF9}-\u{FFFB}]/gu;
