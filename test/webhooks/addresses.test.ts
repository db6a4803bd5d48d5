import { describe, expect, test } from 'vitest';
import { addressesOf, isPublic, urlProblem, type Address } from '../../webhooks/addresses.ts';

const NOT_PUBLIC = [
  ['this host', '0.0.0.0'],
  ['loopback', '127.0.0.1'],
  ['loopback, another one', '127.255.255.254'],
  ['private 10/8', '10.1.2.3'],
  ['private 172.16/12', '172.31.255.255'],
  ['private 192.168/16', '192.168.0.1'],
  ['shared by carriers', '100.64.0.1'],
  ['link-local: the metadata of most clouds', '169.254.169.254'],
  ['metadata of Alibaba', '100.100.100.200'],
  ['metadata of Azure', '168.63.129.16'],
  ['documentation', '192.0.2.1'],
  ['benchmarks', '198.18.0.1'],
  ['multicast', '224.0.0.1'],
  ['reserved', '240.0.0.1'],
  ['broadcast', '255.255.255.255'],
  ['unspecified of IPv6', '::'],
  ['loopback of IPv6', '::1'],
  ['link-local of IPv6', 'fe80::1'],
  ['link-local with a zone', 'fe80::1%eth0'],
  ['unique local', 'fd00:ec2::254'],
  ['site-local', 'fec0::1'],
  ['multicast of IPv6', 'ff02::1'],
  ['IPv4 mapped into IPv6', '::ffff:127.0.0.1'],
  ['the same in hex', '::ffff:a00:1'],
  ['IPv4 compatible', '::7f00:1'],
  ['translated (NAT64)', '64:ff9b::7f00:1'],
  ['6to4', '2002:7f00:1::'],
  ['Teredo', '2001:0:7f00:1::'],
  ['documentation of IPv6', '2001:db8::1'],
  ['not given out yet', '4000::1'],
  ['no address', 'example.com'],
  ['nothing', ''],
] as const;

describe('an address', () => {
  test.each(NOT_PUBLIC)('that is %s is not public: %s', (_, address) => {
    expect(isPublic(address)).toBe(false);
  });

  test.each([
    '1.1.1.1',
    '172.32.0.1',
    '100.128.0.1',
    '93.184.216.34',
    '2606:4700:4700::1111',
    '::ffff:1.1.1.1',
  ])('of the internet is: %s', (address) => {
    expect(isPublic(address)).toBe(true);
  });
});

describe('a URL that is private by its text', () => {
  test.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://017700000001/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://localhost:8080/',
    'http://LOCALHOST./',
    'http://a.localhost/',
    'https://10.0.0.1:4222/',
  ])('is refused, unless private ones are allowed: %s', (url) => {
    expect(urlProblem(url, { allowPrivate: false })).toBe('must be at a public address');
    expect(urlProblem(url, { allowPrivate: true })).toBeUndefined();
  });

  test('is none that is public, or a name', () => {
    for (const url of ['https://1.1.1.1/', 'https://example.com/', 'https://[2606:4700::1]/x']) {
      expect(urlProblem(url, { allowPrivate: false })).toBeUndefined();
    }
  });
});

const resolving = (...addresses: string[]) => ({
  resolve: () =>
    Promise.resolve(
      addresses.map((address): Address => ({ address, family: address.includes(':') ? 6 : 4 })),
    ),
});

describe('a name', () => {
  test('is the addresses that it resolves to', async () => {
    const found = await addressesOf('example.com', {
      allowPrivate: false,
      ...resolving('1.1.1.1', '2606:4700::1'),
    });
    expect(found.map(({ address }) => address)).toEqual(['1.1.1.1', '2606:4700::1']);
  });

  test('is refused if one of its addresses is private, or it has none', async () => {
    for (const addresses of [['1.1.1.1', '10.0.0.1'], ['::1'], []]) {
      const found = addressesOf('example.com', { allowPrivate: false, ...resolving(...addresses) });
      await expect(found).rejects.toThrow(/address/);
    }
  });
});
