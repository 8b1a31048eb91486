import { describe, expect, it } from 'vitest';
import { chooseSlot, createSlots } from '../src/slot.ts';
import type { Slot } from '../src/slot.ts';

/** Tokens of a conversation: those of different ones share nothing. */
function conversation(name: number, length: number): number[] {
  return Array.from({ length }, (_, index) => name * 10_000 + index);
}

function slotsHolding(...held: readonly (readonly number[])[]): readonly Slot[] {
  const slots = createSlots(held.length);
  for (const [index, slot] of slots.entries()) {
    slot.ledger.append(held[index] ?? [], false);
    slot.lastUse = index + 1;
  }
  return slots;
}

describe('chooseSlot', () => {
  it('goes on in the slot that holds the conversation', () => {
    const slots = slotsHolding(conversation(1, 200), conversation(2, 200), []);
    const choice = chooseSlot(slots, [...conversation(1, 200), 7, 8], false);
    expect(choice).toMatchObject({ slot: { sequence: 0 }, donor: null, sharedTokens: 200 });
  });

  it('goes on in the slot of a conversation that is only a few tokens long', () => {
    const slots = slotsHolding([], [], conversation(1, 18));
    const choice = chooseSlot(slots, [...conversation(1, 17), ...conversation(2, 7)], false);
    expect(choice).toMatchObject({ slot: { sequence: 2 }, donor: null, sharedTokens: 17 });
  });

  it('keeps a short conversation that shares only the beginning of the template', () => {
    const slots = slotsHolding([], [...conversation(9, 4), ...conversation(1, 14)]);
    const choice = chooseSlot(slots, [...conversation(9, 4), ...conversation(2, 7)], false);
    expect(choice).toMatchObject({ slot: { sequence: 0 }, donor: null, sharedTokens: 0 });
  });

  it('takes the least recently used slot for a prompt that shares nothing', () => {
    const slots = slotsHolding(conversation(1, 200), conversation(2, 200));
    expect(chooseSlot(slots, conversation(3, 50), false)).toMatchObject({
      slot: { sequence: 0 },
      donor: null,
      sharedTokens: 0,
    });
  });

  it('copies a shared beginning into the least recently used slot, so that both conversations stay', () => {
    const system = conversation(9, 100);
    const slots = slotsHolding(conversation(2, 300), [...system, ...conversation(1, 300)]);
    const choice = chooseSlot(slots, [...system, ...conversation(3, 10)], false);
    expect(choice).toMatchObject({ slot: { sequence: 0 }, donor: { sequence: 1 }, sharedTokens: 100 });
  });

  it('does not copy a beginning that is only the template', () => {
    const slots = slotsHolding(conversation(2, 300), [...conversation(9, 10), ...conversation(1, 300)]);
    const choice = chooseSlot(slots, [...conversation(9, 10), ...conversation(3, 100)], false);
    expect(choice).toMatchObject({ slot: { sequence: 0 }, donor: null, sharedTokens: 0 });
  });

  it('cuts the conversation itself when there is no other slot', () => {
    const slots = slotsHolding(conversation(1, 300));
    const choice = chooseSlot(slots, [...conversation(1, 100), 5], false);
    expect(choice).toMatchObject({ slot: { sequence: 0 }, donor: null, sharedTokens: 100 });
  });

  it('never takes a slot that is busy, as slot or as donor', () => {
    const slots = slotsHolding(conversation(1, 300), conversation(2, 300));
    for (const slot of slots.slice(0, 1)) slot.isBusy = true;
    expect(chooseSlot(slots, conversation(1, 301), false)).toMatchObject({ slot: { sequence: 1 }, donor: null });
  });

  it('leaves one token of the prompt to sample from', () => {
    const slots = slotsHolding(conversation(1, 100));
    expect(chooseSlot(slots, conversation(1, 100), false).sharedTokens).toBe(99);
  });
});
