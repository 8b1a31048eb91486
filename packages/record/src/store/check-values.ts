import { memoryTiers } from '@gemma-cli/contracts';
import type { MemoryTier } from '@gemma-cli/contracts';
import { refuse } from './refuse.ts';

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u;

/** @throws GemmaError `REQUEST_INVALID`, as all of this file. Rows are checked by the record. */
export function checkString(field: string, value: unknown, charsMax: number, charsMin = 1): asserts value is string {
  const expected = `a text of ${charsMin}..${charsMax} characters`;
  if (typeof value !== 'string') refuse(field, expected, value);
  if (value.length < charsMin || value.length > charsMax) refuse(field, expected, value, `one of ${value.length}`);
}

export function checkId(field: string, value: unknown): asserts value is string {
  if (typeof value !== 'string' || !uuid.test(value)) refuse(field, 'the id of a row (a UUID in small letters)', value);
}

export function checkWhole(field: string, value: unknown, min: number, max: number): asserts value is number {
  if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max)
    refuse(
      field,
      max === Number.MAX_SAFE_INTEGER ? `a whole number from ${min}` : `a whole number from ${min} to ${max}`,
      value,
    );
}

export function checkShare(field: string, value: unknown): asserts value is number {
  if (typeof value !== 'number' || !(value >= 0 && value <= 1)) refuse(field, 'a number from 0 to 1', value);
}

/** Milliseconds since 1970. */
export function checkTime(field: string, value: unknown): asserts value is number {
  checkWhole(field, value, 0, Number.MAX_SAFE_INTEGER);
}

export function checkTier(field: string, value: unknown): asserts value is MemoryTier {
  if (!(memoryTiers as readonly unknown[]).includes(value)) refuse(field, `one of ${memoryTiers.join(', ')}`, value);
}

export function checkOneOf(field: string, value: unknown, allowed: readonly string[]): void {
  if (typeof value !== 'string' || !allowed.includes(value)) refuse(field, `one of ${allowed.join(', ')}`, value);
}

export function checkList(field: string, value: unknown, min: number): asserts value is readonly unknown[] {
  if (!Array.isArray(value) || value.length < min)
    refuse(field, min === 0 ? 'a list' : `a list of at least ${min}`, value);
}

export function checkObject(field: string, value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(field, 'an object', value);
}
