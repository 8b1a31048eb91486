import { utf16Order } from './document-kind.ts';

/** Bytes that a guess looks at. */
const sampleBytes = 65_536;
/** Below it a guess of the detector is no better than the encoding that most such files have. 0..100. */
const confidenceMin = 40;

/** Decoded bytes. */
export interface DecodedText {
  readonly text: string;
  /** As the WHATWG names it. */
  readonly encoding: string;
}

/**
 * Decodes text: by its byte order mark, by what its sender says, as UTF-8 where it is valid, as UTF-16 without a mark, and
 * else by its letters' frequencies. What nothing fits is Windows-1252, which every byte has a meaning in.
 *
 * @param declared - What a server or the document itself says; `null` = nothing.
 */
export async function decodeText(bytes: Uint8Array, declared: string | null): Promise<DecodedText> {
  const marked = markedEncoding(bytes);
  if (marked !== null) return decodeAs(bytes, marked);
  const said = declared === null ? null : knownEncoding(declared);
  // UTF-8 is what most declare and some do not keep: then it is looked at as if nothing was said.
  if (said !== null && said !== 'utf-8') return decodeAs(bytes, said);
  const sample = bytes.subarray(0, sampleBytes);
  const halves = utf16Halves(sample);
  if (halves !== null) return decodeAs(bytes, halves);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    // Japanese mail of seven bits is valid UTF-8 too, and told by its escapes.
    if (!text.includes('\u001B$')) return { text, encoding: 'utf-8' };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  return decodeAs(bytes, await guessEncoding(sample));
}

function decodeAs(bytes: Uint8Array, encoding: string): DecodedText {
  return { text: new TextDecoder(encoding).decode(bytes), encoding };
}

function markedEncoding(bytes: Uint8Array): string | null {
  const [first, second, third] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8';
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  return null;
}

function utf16Halves(sample: Uint8Array): string | null {
  let nulsEven = 0;
  let nulsOdd = 0;
  // Jumps from NUL to NUL, of which most texts have none: an iterator over each byte was seen in profiles.
  for (let at = sample.indexOf(0); at >= 0; at = sample.indexOf(0, at + 1)) {
    if (at % 2 === 0) nulsEven++;
    else nulsOdd++;
  }
  return utf16Order({ nulsEven, nulsOdd, bytes: sample.length });
}

async function guessEncoding(sample: Uint8Array): Promise<string> {
  const { analyse } = await import('chardet');
  for (const { name, confidence } of analyse(sample)) {
    // UTF-8 was tried, UTF-32 is in no decoder.
    if (confidence < confidenceMin || name.startsWith('UTF-')) continue;
    const known = knownEncoding(name);
    if (known !== null) return known;
  }
  return 'windows-1252';
}

/** The name that the decoder has for an encoding. */
function knownEncoding(label: string): string | null {
  try {
    return new TextDecoder(label.trim()).encoding;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** What HTML or XML says about its own encoding in its first kilobyte. */
export function declaredEncoding(bytes: Uint8Array): string | null {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 1_024)).toString('latin1');
  const found =
    /<meta[^>]{0,200}?charset\s*=\s*["']?([\w:.-]{1,40})|<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w:.-]{1,40})/iu.exec(
      head,
    );
  const label = found?.[1] ?? found?.[2] ?? null;
  // What could be read to here is not UTF-16, whatever it says.
  return label === null || /^utf-?16/iu.test(label) ? null : label;
}
