import { expect, test } from 'vitest';
import { nearestNames } from '../src/index.ts';

const keys = ['engine.threads', 'engine.queue_max', 'sampling.top_k', 'sampling.top_p'];

test('finds the name behind a swap, a letter too many, another case or a dash', () => {
  expect(nearestNames('engine.thraeds', keys, 1)).toEqual(['engine.threads']);
  expect(nearestNames('Engine.Queue-Maxx', keys, 1)).toEqual(['engine.queue_max']);
});

test('gives the best first and at most as many as asked for', () => {
  expect(nearestNames('sampling.top_k', keys)).toEqual(['sampling.top_k', 'sampling.top_p']);
  expect(nearestNames('sampling.top_k', keys, 1)).toEqual(['sampling.top_k']);
});

test('gives nothing for a name that is far from all, however long', () => {
  expect(nearestNames('colour', keys)).toEqual([]);
  expect(nearestNames('x'.repeat(1_000_000), keys)).toEqual([]);
});

test('gives nothing that has no letter in common, however short', () => {
  expect(nearestNames('zz', ['rm', 'ls'])).toEqual([]);
  expect(nearestNames('x', ['rm'])).toEqual([]);
  expect(nearestNames('mr', ['rm', 'ls'])).toEqual(['rm']);
});
