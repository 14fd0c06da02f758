/** Which addresses may be called (N10): public ones, and private ones that a rule names. Whatever cannot be read is refused. */
import { BlockList, isIP, isIPv4, isIPv6, type LookupFunction } from 'node:net';
import { late } from './late.ts';
import { shown } from './shown.ts';

/**
 * What is said of addresses that are not public: this machine, private networks, link-local ones with the metadata of clouds, and all that is reserved.
 * `refuse` them, `allow` them, or refuse all but those in a list of networks (`10.1.0.0/16`, `fd00::/8`), addresses and names of hosts, compared whole.
 */
export type PrivateAddresses = 'refuse' | 'allow' | readonly string[];

/** One address of a host. */
export interface HostAddress {
  readonly address: string;
  readonly family: number;
}

/** Finds all addresses of a host; rejects as `node:dns` does. */
export type FindAddresses = (host: string) => Promise<readonly HostAddress[]>;

/** What a lookup ends with when a host leads to an address that may not be called. */
export class AddressRefused extends Error {
  override readonly name: string = 'AddressRefused';
  readonly code = 'ADDRESS_REFUSED';
}

/** What is not public in IPv4: the special purposes of IANA, and the one public address by which Azure talks to its machines. */
const SPECIAL_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
/** All that is public in IPv6 is in here. */
const GLOBAL_IPV6 = '2000::/3';
/** But these are not: assignments of the protocol with Teredo, documentation, and 6to4, which leads to any IPv4 address. */
const SPECIAL_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const SPECIAL = networks([...SPECIAL_IPV4, ...SPECIAL_IPV6]);
const GLOBAL = networks([GLOBAL_IPV6]);

/** Decides by one rule, and resolves names so that a connection can only be made to what was decided about. */
export class AddressGuard {
  readonly #allowsAll: boolean;
  readonly #networks: BlockList;
  readonly #hosts: ReadonlySet<string>;
  readonly #find: FindAddresses;

  /** `find` stands in for the resolver of the system. Throws RangeError for a rule that cannot be read. */
  constructor(rule: PrivateAddresses, find: FindAddresses = findAddresses) {
    const listed = readRule(rule);
    const isNetwork = (entry: string): boolean => isIP(entry.split('/')[0] ?? '') !== 0;
    this.#allowsAll = rule === 'allow';
    this.#networks = networks(listed.filter(isNetwork));
    this.#hosts = new Set(listed.filter((entry) => !isNetwork(entry)).map(hostName));
    this.#find = find;
  }

  /** Tells whether an address, without brackets or zone, may be called. */
  admits(address: string): boolean {
    if (this.#allowsAll) return isIP(address) !== 0;
    const inner = innerIPv4(address) ?? address;
    return isPublic(inner) || contains(this.#networks, inner) || contains(this.#networks, address);
  }

  /**
   * For `lookup` of a socket, which then connects to what was checked and to nothing else: a name that leads elsewhere the next time (rebinding) gains nothing.
   * One address that is refused refuses its host, as the caller cannot choose which one is taken.
   */
  readonly lookup: LookupFunction = (host, options, callback) => {
    this.#resolve(host).then(
      (found) => {
        if (options.all === true) callback(null, [...found]);
        else callback(null, found[0]?.address ?? '', found[0]?.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };

  async #resolve(host: string): Promise<readonly HostAddress[]> {
    const found = await this.#find(host);
    if (found.length === 0)
      throw Object.assign(new Error('The host has no address'), { code: 'ENOTFOUND' });
    const isNamed = this.#hosts.has(hostName(host));
    if (!isNamed && !found.every(({ address }) => this.admits(address.split('%')[0] ?? '')))
      throw new AddressRefused('The host leads to an address that may not be called');
    return found;
  }
}

function findAddresses(host: string): Promise<readonly HostAddress[]> {
  return late.dns.lookup(host, { all: true });
}

function isPublic(address: string): boolean {
  if (isIPv4(address)) return !contains(SPECIAL, address);
  return isIPv6(address) && contains(GLOBAL, address) && !contains(SPECIAL, address);
}

function contains(list: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/**
 * The IPv4 address that an IPv6 address leads to: `::ffff:0:0/96` is the same host, and what a resolver of a network without IPv4 makes of every name
 * (`64:ff9b::/96`, NAT64) is as public as what it stands for.
 */
function innerIPv4(address: string): string | undefined {
  if (!isIPv6(address)) return undefined;
  const groups = groupsOf(address);
  const head = groups.slice(0, 6).join(':');
  if (head !== '0:0:0:0:0:65535' && head !== '100:65435:0:0:0:0') return undefined;
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.');
}

/** The eight numbers of an IPv6 address; the parser of URLs writes every form of it in one way. */
function groupsOf(address: string): readonly number[] {
  const url = `http://[${address}]/`;
  const [head = '', tail = ''] = new URL(url).hostname.slice(1, -1).split('::');
  const before = readGroups(head);
  const after = readGroups(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return [...before, ...zeros, ...after];
}

function readGroups(text: string): readonly number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

/** Names of hosts compare without case and without the dot of the root. */
function hostName(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

const HOST = /^(?=.{1,253}$)[a-z\d_](?:[a-z\d_.-]*[a-z\d_])?\.?$/i;

function readRule(rule: PrivateAddresses): readonly string[] {
  if (rule === 'refuse' || rule === 'allow') return [];
  if (!Array.isArray(rule)) throw unreadable(rule);
  for (const entry of rule as readonly unknown[]) if (!isEntry(entry)) throw unreadable(entry);
  return rule as readonly string[];
}

/** A number with dots that is no address, such as `10.0.0`, is a mistake and no host. */
function isEntry(entry: unknown): boolean {
  if (typeof entry !== 'string') return false;
  const [address = '', prefix, ...more] = entry.split('/');
  const version = isIP(address);
  if (version === 0) return HOST.test(entry) && !/(?:^|\.)\d+\.?$/.test(entry);
  const bits = version === 4 ? 32 : 128;
  const fits = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
  return more.length === 0 && fits && !address.includes('%');
}

function unreadable(entry: unknown): RangeError {
  return new RangeError(
    `Expected private addresses to be 'refuse', 'allow', or a list of networks such as 10.1.0.0/16, addresses and names of hosts, got ${shown(entry)}.`,
  );
}

function networks(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', prefix] = entry.split('/');
    const version = isIPv4(address) ? 4 : 6;
    const bits = prefix === undefined ? (version === 4 ? 32 : 128) : Number(prefix);
    list.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}
