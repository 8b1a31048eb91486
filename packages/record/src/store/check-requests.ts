import { memoryDefaults } from '@gemma-cli/contracts';
import type { Forget, ListRequest, RowFilter, SearchMode, SearchRequest } from '@gemma-cli/contracts';
import { nameCharsMax, tagLimits } from '../validate-rows.ts';
import {
  checkId,
  checkList,
  checkObject,
  checkOneOf,
  checkShare,
  checkString,
  checkTier,
  checkTime,
  checkWhole,
} from './check-values.ts';
import { refuse } from './refuse.ts';

/** Longest text that is looked up as an id, in characters: ids are shorter, and others are of no row. */
export const idCharsMax = 100;

/** A question in which nothing is left open. */
export interface ResolvedSearch {
  readonly query: string;
  readonly mode: SearchMode;
  readonly limit: number;
  readonly filter: RowFilter;
  readonly explain: boolean;
}

/** @throws GemmaError `REQUEST_INVALID`, as all of this file. */
export function resolveSearch(request: SearchRequest, defaultMode: SearchMode): ResolvedSearch {
  checkObject('the request', request);
  const { query, mode = defaultMode, limit = memoryDefaults.limit, filter = {}, explain = false } = request;
  checkString('query', query, memoryDefaults.queryCharsMax);
  checkOneOf('mode', mode, ['lexical', 'dense', 'hybrid']);
  checkLimit(limit);
  checkFilter('filter', filter);
  return { query, mode, limit, filter, explain };
}

export function resolveList(request: ListRequest): {
  readonly filter: RowFilter;
  readonly afterId: string | null;
  readonly limit: number;
} {
  checkObject('the request', request);
  const { filter = {}, cursor, limit = 100 } = request;
  checkFilter('filter', filter);
  checkLimit(limit);
  if (cursor !== undefined) checkId('cursor', cursor);
  return { filter, afterId: cursor ?? null, limit };
}

export function checkForget(which: Forget): void {
  checkObject('the request', which);
  const { ids, filter } = which;
  if (ids === undefined && filter === undefined) refuse('the request', 'one with ids or a filter', which);
  if (ids !== undefined) checkIds('ids', ids);
  if (filter === undefined) return;
  checkFilter('filter', filter);
  if (isEmptyFilter(filter)) refuse('filter', 'one that says something; an empty one means every row', filter);
}

export function checkIds(field: string, ids: unknown): void {
  checkList(field, ids, 0);
  for (const [index, id] of ids.entries()) checkString(`${field}[${index}]`, id, idCharsMax);
}

const filterNames = 'kind, tiers, tags, source, since, until and importanceMin';

function checkFilter(field: string, filter: RowFilter): void {
  checkObject(field, filter);
  const { kind, tiers, tags, source, since, until, importanceMin, ...others } = filter;
  // Nobody is to forget every row because of a name that was written wrong.
  for (const [name, value] of Object.entries(others))
    if (value !== undefined) refuse(field, `one of ${filterNames}`, { [name]: value });
  if (kind !== undefined) checkOneOf(`${field}.kind`, kind, ['document', 'memory']);
  if (tiers !== undefined) {
    checkList(`${field}.tiers`, tiers, 1);
    for (const [index, tier] of tiers.entries()) checkTier(`${field}.tiers[${index}]`, tier);
  }
  if (tags !== undefined) {
    checkList(`${field}.tags`, tags, 1);
    for (const [index, tag] of tags.entries()) checkString(`${field}.tags[${index}]`, tag, tagLimits.charsMax);
  }
  if (source !== undefined) checkString(`${field}.source`, source, nameCharsMax);
  if (since !== undefined) checkTime(`${field}.since`, since);
  if (until !== undefined) checkTime(`${field}.until`, until);
  if (importanceMin !== undefined) checkShare(`${field}.importanceMin`, importanceMin);
}

export function isEmptyFilter(filter: RowFilter): boolean {
  return filterKey(filter) === '[]';
}

/** The same for filters that mean the same. */
export function filterKey(filter: RowFilter): string {
  const given = Object.entries(filter).filter(([, value]) => value !== undefined);
  return JSON.stringify(
    given
      .map(
        ([name, value]) =>
          [
            name,
            Array.isArray(value) ? value.map(String).toSorted((one, other) => (one < other ? -1 : 1)) : value,
          ] as const,
      )
      .toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );
}

function checkLimit(limit: unknown): void {
  checkWhole('limit', limit, 1, memoryDefaults.limitMax);
}
