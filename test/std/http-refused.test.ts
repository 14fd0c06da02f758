// The laws of calls that are not made: to addresses that nobody allowed, by URLs and with headers that cannot be sent; nothing of them is told.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import type { FindAddresses } from '../../src/std/address-guard.ts';
import { ask, call, caller } from './support/calls.ts';
import { freePort, httpServer, tcpServer } from './support/servers.ts';

const CALL_PROCESS = fileURLToPath(new URL('support/call-process.ts', import.meta.url));

test.each([
  'http://127.0.0.1:PORT/',
  'http://127.1:PORT/',
  'http://0x7f.1:PORT/',
  'http://0177.0.0.1:PORT/',
  'http://2130706433:PORT/',
  'http://127.0.0.1.:PORT/',
  'http://①②⑦.0.0.1:PORT/',
  'http://[::1]:PORT/',
  'http://[::ffff:127.0.0.1]:PORT/',
  'http://[0:0:0:0:0:ffff:7f00:1]:PORT/',
  'http://[64:ff9b::7f00:1]:PORT/',
  'http://0:PORT/',
  'http://localhost:PORT/',
  'http://LOCALHOST:PORT/',
  'https://169.254.169.254/latest/meta-data',
])('N10: %s is refused, and nobody is connected to', async (url) => {
  const { port, sockets } = await httpServer((_request, response) => response.end());
  const answer = await caller({ privateAddresses: 'refuse' }).call(
    call(url.replace('PORT', `${port}`)),
  );
  expect(answer).toMatchObject({ kind: 'failed', phase: 'refused', code: 'ADDRESS_REFUSED' });
  expect(sockets).toEqual([]);
});

test('N10: a name that leads elsewhere the next time (rebinding) is resolved once for each connection, and checked', async () => {
  const { port, sockets } = await httpServer((_request, response) =>
    response.setHeader('connection', 'close').end('first'),
  );
  const addresses = ['127.0.0.1', '127.0.0.2', '127.0.0.1'];
  const find = vi.fn<FindAddresses>(async () => [{ address: addresses.shift() ?? '', family: 4 }]);
  const one = caller({}, find);
  expect(await one.call(call(`http://a.test:${port}`))).toMatchObject({ body: 'first' });
  expect(find).toHaveBeenCalledTimes(1);
  expect(await one.call(call(`http://a.test:${port}`))).toMatchObject({
    phase: 'refused',
    code: 'ADDRESS_REFUSED',
  });
  expect(find).toHaveBeenCalledTimes(2);
  expect(sockets).toHaveLength(1);
});

test('N10: one private address among public ones refuses the host', async () => {
  const { port, sockets } = await httpServer((_request, response) => response.end());
  const find: FindAddresses = async () => [
    { address: '1.1.1.1', family: 4 },
    { address: '127.0.0.1', family: 4 },
  ];
  const answer = await caller({ privateAddresses: 'refuse' }, find).call(
    call(`http://a.test:${port}`),
  );
  expect(answer).toMatchObject({ phase: 'refused', code: 'ADDRESS_REFUSED' });
  expect(sockets).toEqual([]);
});

test.each([
  'http:/',
  '',
  'a.test/x',
  'ftp://a.test',
  'file:///etc/passwd',
  'http://user@a.test',
  'http://user:hunter2@a.test',
  'http://:hunter2@a.test',
])('the URL %j is refused, and not shown', async (url) => {
  const answer = await caller().call(call(url));
  expect(answer).toMatchObject({
    phase: 'refused',
    code: 'URL_INVALID',
    message: 'The call: the address is not an http: or https: URL without user and password.',
  });
});

test.each([
  [{ 'x-a': 'hunter2\r\nx-b: 1' }, 'its value has characters that HTTP does not allow'],
  [{ 'x-a': 'hunter2\nx-b: 1' }, 'its value has characters that HTTP does not allow'],
  [{ 'x-a': 'hunter2\u0000' }, 'its value has characters that HTTP does not allow'],
  [{ 'x-a': 'hunter2 \u4f60' }, 'its value has characters that HTTP does not allow'],
  [{ 'x-b': '1', 'x a': 'hunter2' }, 'its name has characters that HTTP does not allow'],
  [{ 'x-a\r\nx-b': 'hunter2' }, 'its name has characters that HTTP does not allow'],
  [{ '': 'hunter2' }, 'its name has characters that HTTP does not allow'],
  [{ Host: 'hunter2' }, 'host is decided by the call itself'],
  [{ 'Content-Length': '0' }, 'content-length is decided by the call itself'],
  [{ 'transfer-encoding': 'chunked' }, 'transfer-encoding is decided by the call itself'],
])('the headers %o cannot be sent, and are not shown', async (headers, why) => {
  const { port, sockets } = await httpServer((_request, response) => response.end());
  expect(await ask(port, { headers })).toMatchObject({
    phase: 'refused',
    code: 'HEADER_INVALID',
    message: `127.0.0.1:${port}: a header cannot be sent (${why}).`,
  });
  expect(sockets).toEqual([]);
});

test('N10: a proxy of the environment is not used; and nothing of a caller keeps its process alive', async () => {
  const { port } = await httpServer((_request, response) => response.end('itself'));
  const proxy = `http://127.0.0.1:${await freePort()}`;
  const environment = { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy, http_proxy: proxy };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--use-env-proxy', CALL_PROCESS, `http://127.0.0.1:${port}`],
    { env: { ...process.env, ...environment, NO_PROXY: '', no_proxy: '' }, timeout: 20_000 },
  );
  expect(JSON.parse(stdout)).toMatchObject({ kind: 'answer', body: 'itself' });
});

test('a message names host and port, and gives nothing else of the call away', async () => {
  const { port } = await tcpServer((socket) => socket.resetAndDestroy());
  const answer = await ask(port, { method: 'PUT', headers: { 'x-a': 'secret' }, body: 'secret' });
  expect(answer).toHaveProperty(
    'message',
    `127.0.0.1:${port}: the connection ended before the answer did (ECONNRESET).`,
  );
});
