import { lookup } from 'node:dns';
import type { LookupAddress, LookupOptions } from 'node:dns';
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import { skip } from './skip.ts';

/** Addresses that no page of the public Internet has: this machine, its networks, the metadata service of its cloud. */
const refused: BlockList = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  refused.addSubnet(network, prefix, 'ipv4');
}
// Of IPv6 only 2000::/3 is given out to the public; these parts of it lead to IPv4 or to nobody.
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  refused.addSubnet(network, prefix, 'ipv6');
}
const given: BlockList = new BlockList();
given.addSubnet('2000::', 3, 'ipv6');

/** Whether an IP address belongs to the public Internet. A text that is no IP address does not. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !refused.check(address, 'ipv4');
  return isIPv6(address) && given.check(address, 'ipv6') && !refused.check(address, 'ipv6');
}

/** Refuses an address whose host is an IP address that is not public: it is connected to without being looked up. */
export function refusePrivateHost(url: URL): void {
  const host = url.hostname.replace(/^\[(.*)\]$/u, '$1');
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw notPublic(url.hostname, host);
}

/**
 * Looks a name up for a connection, and refuses it when any of its addresses is not public. The connection goes to the
 * addresses that were checked, so that a second answer of the name server changes nothing.
 */
export function lookupPublic(
  hostname: string,
  options: LookupOptions,
  callback: (error: Error | null, address: string | LookupAddress[], family?: number) => void,
): void {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) {
      callback(error, []);
      return;
    }
    const hidden = addresses.find(({ address }) => !isPublicAddress(address));
    const [first] = addresses;
    if (hidden !== undefined) callback(notPublic(hostname, hidden.address), []);
    else if (options.all === true || first === undefined) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
}

function notPublic(host: string, address: string): Error {
  const is = host === address ? `${host} is` : `${host} leads to ${address},`;
  return skip('DOCUMENT_UNSUPPORTED', `${is} an address of this machine or its networks, which are not read`);
}
