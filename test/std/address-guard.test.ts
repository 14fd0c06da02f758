// The laws of addresses (N10): only public ones are called, in whatever form they are written, and those that a rule names.
import { expect, test } from 'vitest';
import { AddressGuard, type FindAddresses } from '../../src/std/address-guard.ts';

const REFUSED = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '10.255.255.255',
  '100.64.0.1',
  '100.100.100.200',
  '100.127.255.255',
  '127.0.0.1',
  '127.255.255.254',
  '168.63.129.16',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.1.1',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.7',
  '203.0.113.9',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::8.8.8.8',
  '::ffff:127.0.0.1',
  '::ffff:a9fe:a9fe',
  '0:0:0:0:0:ffff:10.0.0.1',
  '::ffff:0:127.0.0.1',
  '64:ff9b::127.0.0.1',
  '64:ff9b::a00:0',
  '64:ff9b::',
  '64:ff9b:1::808:808',
  '100::1',
  '2001::1',
  '2001:0:4136:e378:8000:63bf:3fff:fdd2',
  '2001:20::1',
  '2001:db8::1',
  '2002:7f00:1::1',
  '2002:808:808::1',
  '3fff::1',
  '4000::1',
  '5f00::1',
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'fec0::1',
  'ff02::1',
  'FD12::A',
  // What is no address at all is refused, and not looked up.
  '',
  'localhost',
  '127.1',
  '0x7f.0.0.1',
  '1.2.3.4.5',
];
const PUBLIC = [
  '1.1.1.1',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.1',
  '172.15.255.255',
  '172.32.0.0',
  '192.0.1.1',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
  '2001:200::1',
  '2001:4860:4860::8888',
  '2606:4700::1111',
  '2a00:1450:4001::1',
];

test.each(REFUSED)('N10: %s is refused', (address) => {
  expect(new AddressGuard('refuse').admits(address)).toBe(false);
  expect(new AddressGuard([]).admits(address)).toBe(false);
});

test.each(PUBLIC)('%s is public', (address) => {
  expect(new AddressGuard('refuse').admits(address)).toBe(true);
});

test('a list of networks and addresses allows what is in it, in every form, and nothing beside it', () => {
  const guard = new AddressGuard(['10.1.0.0/16', '127.0.0.1', 'fd00:1::/32']);
  const admitted = ['10.1.2.3', '::ffff:10.1.2.3', '64:ff9b::a01:203', '127.0.0.1', 'fd00:1::7'];
  expect(admitted.filter((address) => !guard.admits(address))).toEqual([]);
  const others = ['10.2.0.0', '10.0.255.255', '127.0.0.2', 'fd00:2::1', '::1', 'fe80::1'];
  expect(others.filter((address) => guard.admits(address))).toEqual([]);
  const translated = new AddressGuard(['64:ff9b:1::/48', '64:ff9b::a01:0/112']);
  expect(translated.admits('64:ff9b:1::a01:203')).toBe(true);
  expect(translated.admits('64:ff9b::10.1.2.3')).toBe(true);
  expect(translated.admits('64:ff9b::10.2.2.3')).toBe(false);
});

test('`allow` lets every address pass, and nothing that is none', () => {
  const guard = new AddressGuard('allow');
  expect(['10.0.0.1', '::1', '169.254.169.254'].every((address) => guard.admits(address))).toBe(
    true,
  );
  expect(guard.admits('localhost')).toBe(false);
});

test('one address that is refused refuses its host; a host that is named is allowed with all of them', async () => {
  const mixed: FindAddresses = () =>
    Promise.resolve([
      { address: '1.1.1.1', family: 4 },
      { address: 'fe80::1%eth0', family: 6 },
    ]);
  await expect(found(new AddressGuard('refuse', mixed), 'a.test')).rejects.toThrow(
    expect.objectContaining({ code: 'ADDRESS_REFUSED' }),
  );
  const named = new AddressGuard(['A.test.'], mixed);
  await expect(found(named, 'a.TEST')).resolves.toEqual(['1.1.1.1', 'fe80::1%eth0']);
  await expect(found(named, 'b.a.test')).rejects.toThrow('may not be called');
});

test('a host without addresses is not found', async () => {
  const guard = new AddressGuard('allow', () => Promise.resolve([]));
  await expect(found(guard, 'a.test')).rejects.toThrow(
    expect.objectContaining({ code: 'ENOTFOUND' }),
  );
});

test.each([
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/8/8',
  '10.0.0.0/',
  '10.0.0',
  'fd00::/129',
  'fe80::1%eth0',
  '10.0.0.256',
  'a.test/8',
  'http://a.test',
  'a test',
  '',
  7,
])('a rule with %s cannot be read, and says so at once', (entry) => {
  expect(() => new AddressGuard([entry as string])).toThrow(RangeError);
});

test('a rule that is no list is refused', () => {
  expect(() => new AddressGuard('deny' as 'refuse')).toThrow('got "deny"');
});

function found(guard: AddressGuard, host: string): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    guard.lookup(host, { all: true }, (error, addresses) => {
      if (error !== null) reject(error);
      else resolve((addresses as { address: string }[]).map(({ address }) => address));
    });
  });
}
