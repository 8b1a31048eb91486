import type { Connection } from './connection.ts';

/** Takes or renews a lease; `false` while somebody else has it. */
export function takeLease(
  connection: Connection,
  {
    name,
    owner,
    ttlMs,
    now,
  }: { readonly name: string; readonly owner: string; readonly ttlMs: number; readonly now: number },
): boolean {
  return connection.write('relaxed', () => {
    const held = connection.prepare('SELECT owner, renewedAt, ttlMs FROM leases WHERE name = ?').get(name);
    if (held !== undefined && held['owner'] !== owner) {
      const age = now - Number(held['renewedAt']);
      // A clock that was set back must not keep a lease for ever.
      if (age >= 0 && age < Number(held['ttlMs'])) return false;
    }
    connection
      .prepare('INSERT OR REPLACE INTO leases (name, owner, renewedAt, ttlMs) VALUES (?, ?, ?, ?)')
      .run(name, owner, now, ttlMs);
    return true;
  });
}

/** Gives a lease back, if it is the owner's. */
export function releaseLease(
  connection: Connection,
  { name, owner }: { readonly name: string; readonly owner: string },
): void {
  connection.write('relaxed', () => {
    connection.prepare('DELETE FROM leases WHERE name = ? AND owner = ?').run(name, owner);
  });
}
