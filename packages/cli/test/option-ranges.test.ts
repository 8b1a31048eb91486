import { requestRanges } from '@gemma-cli/contracts';
import { expect, test } from 'vitest';
import { applySetting, describeRange, settings } from '../src/chat/settings.ts';
import { answerOptionKeys } from '../src/thin/parse-answer-options.ts';

test('/set takes what a request takes, says so, and refuses the values just beyond', () => {
  const numbers = Object.entries(answerOptionKeys).flatMap(([key, kind]) => (kind === 'number' ? [key] : []));
  expect(numbers.toSorted()).toEqual(Object.keys(requestRanges).toSorted());
  for (const [key, { min, max, integer, meaning }] of Object.entries(requestRanges)) {
    const step = integer ? 1 : 0.001;
    for (const value of [min, max]) {
      const { sampling, ...others } = applySetting({}, key, String(value));
      expect({ ...sampling, ...others }).toEqual({ [key]: value });
    }
    for (const value of [min - step, ...(integer ? [min + 0.5] : [])])
      expect(() => applySetting({}, key, String(value)), `${key} ${value}`).toThrow(describeRange(key));
    expect(() => applySetting({}, key, String(max + step)), key).toThrow(`from ${min} to ${max}, got`);
    expect(describeRange(key)).toMatch(new RegExp(`\\b(?:from ${min} to ${max}|${min} or more)$`));
    if (key !== 'contextTokens') expect(settings[key]?.summary).toBe(meaning);
  }
});

test('/set says of every option what it is for and what it is when nobody says anything', () => {
  for (const [key, { builtIn, summary }] of Object.entries(settings)) {
    expect(builtIn, key).toMatch(/\w/);
    expect(builtIn, key).not.toContain('null');
    expect(summary, key).toMatch(/\w/);
  }
});
