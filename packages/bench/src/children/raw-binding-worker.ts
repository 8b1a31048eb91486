import { measurePeer } from './measure-peer.ts';
import type { PeerOrders } from './measure-peer.ts';
import { readOrders } from './open-engine.ts';
import { openRawBinding } from './raw-binding.ts';

/** The orders of every peer. */
export type RawBindingOrders = PeerOrders;

const orders = readOrders() as RawBindingOrders;
const startedAt = performance.now();
const binding = await openRawBinding(orders.model, orders);
await measurePeer(orders, startedAt, {
  implementation: 'node-llama-cpp',
  ask: (text, maxTokens) => binding.ask(text, maxTokens),
});
await binding.close();
