import { engineAsPeer, measurePeer } from './measure-peer.ts';
import type { PeerOrders } from './measure-peer.ts';
import { openEngine, readOrders } from './open-engine.ts';

/** The orders of every peer. */
export type DecodeOrders = PeerOrders;

const orders = readOrders() as DecodeOrders;
const startedAt = performance.now();
const engine = await openEngine(orders);
try {
  // Both load the model for it; legacy does so again for each question.
  await engine.describe({ path: orders.model }, { contextTokens: orders.contextTokens });
  await measurePeer(orders, startedAt, engineAsPeer(engine, orders));
} finally {
  await engine.close();
}
