import { randomBytes } from 'node:crypto';

/** The text form of a UUID as this project writes it. */
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a text is a UUID of version 7, in lower case. */
export function isUuidV7(id: string): boolean {
  return uuidPattern.test(id) && id[14] === '7' && '89ab'.includes(id[19] ?? '');
}

/** The 16 bytes of a UUID; `null` for any other text. */
export function uuidBytes(id: string): Uint8Array | null {
  return uuidPattern.test(id) ? Buffer.from(id.replaceAll('-', ''), 'hex') : null;
}

/** The text of 16 bytes. */
export function uuidText(bytes: Uint8Array): string {
  return uuidOfHex(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex'));
}

/** The text of 32 hexadecimal digits of either case. */
export function uuidOfHex(digits: string): string {
  const hex = digits.toLowerCase();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Milliseconds since 1970 that a UUID of version 7 carries. */
export function uuidTime(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/**
 * A UUID of version 7 that is greater than another one: of the present time, or, when the other one is of the same
 * millisecond or the clock went back, the other one and a random step.
 */
export function nextUuidV7(previous: string | null, now: number): string {
  const random = randomBytes(10);
  if (previous === null || now > uuidTime(previous)) {
    return assemble(Math.max(0, Math.floor(now)), BigInt(`0x${random.toString('hex')}`) & mask74);
  }
  // 1..2^32: who knows one id cannot count on the next, and 2^42 ids fit a millisecond.
  const step = BigInt(random.readUInt32LE(0)) + 1n;
  const low = lowBitsOf(previous) + step;
  return low > mask74 ? assemble(uuidTime(previous) + 1, low & mask74) : assemble(uuidTime(previous), low);
}

const mask74 = (1n << 74n) - 1n;
const mask62 = (1n << 62n) - 1n;

/** The 12 and 62 bits beside time, version and variant, as one number. */
function lowBitsOf(id: string): bigint {
  const high = BigInt(`0x${id.slice(15, 18)}`);
  const low = BigInt(`0x${id.slice(19, 23)}${id.slice(24)}`) & mask62;
  return (high << 62n) | low;
}

function assemble(time: number, low: bigint): string {
  const timeHex = time.toString(16).padStart(12, '0');
  const high = (low >> 62n).toString(16).padStart(3, '0');
  const rest = ((low & mask62) | (1n << 63n)).toString(16).padStart(16, '0');
  return `${timeHex.slice(0, 8)}-${timeHex.slice(8)}-7${high}-${rest.slice(0, 4)}-${rest.slice(4)}`;
}
