/** An item of a list that has it. */
export function item<Item>(list: ArrayLike<Item>, index: number): Item {
  const found = list[index];
  if (found === undefined) throw new Error(`The list has ${list.length} items, and no ${index}.`);
  return found;
}
