/** Which hosts may be sent to: whoever may make a webhook must not reach by it what only this machine reaches. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export type Address = { readonly address: string; readonly family: number };

/** Finds the addresses of a host name. */
export type Resolve = (host: string) => Promise<readonly Address[]>;

/** Public by its range, but answered by the cloud that the machine is in (Azure's WireServer). */
const METADATA_ADDRESSES = new Set(['168.63.129.16']);

/** True for an address of the public internet: no private, local, shared, reserved or translated one. */
export function isPublic(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  // An IPv4 address in IPv6's clothes is what it is underneath.
  const address = ipaddr.process(text);
  if (address.range() !== 'unicast' || METADATA_ADDRESSES.has(address.toString())) return false;
  // Of IPv6 only 2000::/3 has been given out; what is outside it and has no name yet is nobody's.
  return address.kind() === 'ipv4' || (address.toByteArray()[0] ?? 0) >> 5 === 1;
}

/** The host of a URL, an IPv6 address without its brackets. */
export function hostOf(url: string): string {
  return new URL(url).hostname.replaceAll(/^\[|\]$/g, '');
}

/**
 * Why a URL can never be sent to; undefined if it can, as far as the text tells. A name is resolved anew before each
 * attempt: what it means today says nothing of tomorrow.
 */
export function urlProblem(url: string, { allowPrivate }: { allowPrivate: boolean }): string | undefined {
  const host = hostOf(url);
  if (allowPrivate) return undefined;
  const isLocal = /(^|\.)localhost\.?$/.test(host);
  return isLocal || (isIP(host) !== 0 && !isPublic(host)) ? 'must be at a public address' : undefined;
}

/**
 * The addresses to connect to.
 * @throws Error if the host has none, or one of them may not be sent to.
 */
export async function addressesOf(
  host: string,
  { allowPrivate, resolve = resolveByDns }: { allowPrivate: boolean; resolve?: Resolve | undefined },
): Promise<readonly Address[]> {
  const family = isIP(host);
  const found = family === 0 ? await resolve(host) : [{ address: host, family }];
  if (found.length === 0) throw new Error('The host has no address.');
  // One is enough: whoever mixes private addresses in wants to be sent there.
  if (!allowPrivate && !found.every(({ address }) => isPublic(address))) {
    throw new Error('The host is not at a public address.');
  }
  return found;
}

async function resolveByDns(host: string): Promise<readonly Address[]> {
  return await lookup(host, { all: true, verbatim: true });
}
