import { GemmaError } from '@gemma-cli/contracts';

/**
 * Makes the vector that callers get of what the runtime gave: cut to its first `dimensions` numbers, length 1.
 *
 * @param raw - Little-endian 32-bit floats as base64.
 * @throws GemmaError `ENGINE_FAILED` when it is no vector of the model's length, holds a number that is not finite, or
 *   has no length.
 */
export function soundVector(
  raw: unknown,
  { modelDimensions, dimensions, index }: Readonly<Record<'modelDimensions' | 'dimensions' | 'index', number>>,
): Float32Array {
  const bytes = Buffer.from(typeof raw === 'string' ? raw : '', 'base64');
  if (bytes.length !== modelDimensions * 4) {
    throw failed(index, `has ${bytes.length / 4} numbers, expected ${modelDimensions}`);
  }
  const vector = new Float32Array(dimensions);
  let squares = 0;
  for (let place = 0; place < dimensions; place += 1) {
    const value = bytes.readFloatLE(place * 4);
    vector[place] = value;
    squares += value * value;
  }
  if (!Number.isFinite(squares)) throw failed(index, 'holds a number that is not finite');
  const length = Math.sqrt(squares);
  if (!(length > 0)) throw failed(index, 'is all zeros');
  for (let place = 0; place < dimensions; place += 1) vector[place] = (vector[place] as number) / length;
  return vector;
}

function failed(index: number, what: string): GemmaError {
  return new GemmaError({
    code: 'ENGINE_FAILED',
    message: `The vector that the runtime gave for text ${index} ${what}. The model file may be damaged: \`gemma doctor\` checks it.`,
    facts: { index },
  });
}
