/** The address of a text that is one; `null` = it is a path. */
export function toPageUrl(input: string): URL | null {
  if (!/^https?:\/\//iu.test(input)) return null;
  try {
    const url = new URL(input);
    url.hash = '';
    return url;
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}
