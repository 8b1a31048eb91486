/**
 * A text without the characters that an engine refuses in a prompt, NUL and ESC. A model may have said one, and a past that
 * was restored may hold one; that must not end the conversation. What a user has just typed is refused instead.
 */
export function sendable(content: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is removed
  return content.replaceAll(/[\0\u001B]/g, '');
}
