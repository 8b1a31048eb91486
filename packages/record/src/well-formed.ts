/** A text that can be written as UTF-8: each half of a surrogate pair that stands alone becomes U+FFFD, of the same length. */
export function wellFormed(text: string): string {
  return text.replaceAll(/\p{Surrogate}/gu, '\uFFFD');
}
