// The laws of outgoing calls: each ends within its time with an answer or with how far it got.
import { getEventListeners } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { FindAddresses } from '../../src/std/address-guard.ts';
import { HttpCaller } from '../../src/std/http-call.ts';
import { sleep } from '../../src/std/timer.ts';
import { ask, call, caller, closed, LOCAL } from './support/calls.ts';
import { CERTIFICATE, freePort, httpServer, secureServer, tcpServer } from './support/servers.ts';

test('an answer is status, headers by lower-case names, and text', async () => {
  const seen: { request?: IncomingMessage; body?: Promise<string> } = {};
  const { port } = await httpServer((request, response) => {
    seen.request = request;
    seen.body = text(request);
    response.setHeader('Set-Cookie', ['a=1', 'b=2']);
    response.writeHead(201, { 'X-Custom': 'Yes' }).end('grüße');
  });
  const answer = await ask(port, {
    method: 'POST',
    body: '{"ü":1}',
    headers: { 'content-type': 'application/json' },
  });
  expect(answer).toMatchObject({
    kind: 'answer',
    status: 201,
    headers: { 'x-custom': 'Yes', 'set-cookie': 'a=1, b=2' },
    body: 'grüße',
    ms: expect.any(Number),
  });
  expect(await seen.body).toBe('{"ü":1}');
  expect(seen.request?.url).toBe('/secret-path?secret-query');
  expect(seen.request?.headers).toMatchObject({
    host: `127.0.0.1:${port}`,
    'content-length': '8',
    'content-type': 'application/json',
    'accept-encoding': 'identity',
  });
});

test('bytes that are no UTF-8 are replaced, and a byte order mark is left out', async () => {
  const { port } = await httpServer((_request, response) =>
    response.end(Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0xff, 0x62])),
  );
  expect(await ask(port)).toMatchObject({ body: 'a\ufffdb' });
});

test('the length that an answer to HEAD declares is not held against it', async () => {
  const { port } = await httpServer((_request, response) =>
    response.writeHead(200, { 'content-length': '5000' }).end(),
  );
  expect(await ask(port, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
});

test.each([301, 302, 303, 307, 308])(
  'N10: a redirect (%i) is an answer, and not followed',
  async (status) => {
    const urls: (string | undefined)[] = [];
    const { port } = await httpServer((request, response) => {
      urls.push(request.url);
      response.writeHead(status, { location: '/elsewhere' }).end();
    });
    expect(await ask(port)).toMatchObject({ status, headers: { location: '/elsewhere' } });
    expect(urls).toEqual(['/secret-path?secret-query']);
  },
);

test('N7: nobody listens: the request was certainly not received', async () => {
  expect(await ask(await freePort())).toMatchObject({
    kind: 'failed',
    phase: 'connect',
    code: 'CONNECT_REFUSED',
    reused: false,
  });
});

test('N7: several addresses that all refuse are told as refused', async () => {
  const port = await freePort();
  const find: FindAddresses = async () => [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  const answer = await caller({ privateAddresses: 'allow' }, find).call(
    call(`http://a.test:${port}`),
  );
  expect(answer).toMatchObject({ phase: 'connect', code: 'CONNECT_REFUSED' });
});

test('N7: a name that is not found, or has no address', async () => {
  const missing: FindAddresses = () =>
    Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND', syscall: 'getaddrinfo' }));
  for (const find of [missing, async () => []])
    expect(await caller({}, find).call(call('http://a.test'))).toMatchObject({
      phase: 'connect',
      code: 'DNS_FAILED',
      message: 'a.test:80: the name of the host was not found (ENOTFOUND).',
    });
});

test('N5: a resolver that never answers costs the time to connect and no more', async () => {
  const silent: FindAddresses = () => new Promise(() => {});
  const answer = await caller({}, silent).call(call('http://a.test', { connectMs: 30 }));
  expect(answer).toMatchObject({ phase: 'connect', code: 'CONNECT_TIMEOUT' });
  expect(answer.ms).toBeLessThan(2_000);
});

test.each([{ connectMs: 30 }, { totalMs: 30 }])(
  'N5: TLS that is never answered was not received (%o)',
  async (limits) => {
    const { port, sockets } = await tcpServer(() => {});
    const answer = await caller().call(call(`https://127.0.0.1:${port}`, limits));
    expect(answer).toMatchObject({ phase: 'connect', code: 'CONNECT_TIMEOUT' });
    await closed(sockets);
  },
);

test('a certificate that nobody vouches for is refused before anything is sent', async () => {
  const bytes = vi.fn();
  const { port, sockets } = await secureServer(bytes);
  const answer = await caller({}, LOCAL).call(
    call(`https://localhost:${port}`, { method: 'POST', body: 'secret' }),
  );
  expect(answer).toMatchObject({ phase: 'connect', code: 'TLS_FAILED' });
  expect(answer).toHaveProperty(
    'message',
    expect.stringContaining('(DEPTH_ZERO_SELF_SIGNED_CERT)'),
  );
  await closed(sockets);
  expect(bytes).not.toHaveBeenCalled();
});

test('an authority that is given is trusted, for the names of its certificate only', async () => {
  const { port } = await secureServer((_request, response) => response.end('in private'));
  const trusting = caller({ ca: CERTIFICATE }, LOCAL);
  expect(await trusting.call(call(`https://worker.test:${port}`))).toMatchObject({
    status: 200,
    body: 'in private',
  });
  expect(await trusting.call(call(`https://other.test:${port}`))).toMatchObject({
    phase: 'connect',
    code: 'TLS_FAILED',
  });
});

test('TLS is not spoken there', async () => {
  const { port } = await httpServer((_request, response) => response.end());
  const answer = await caller().call(call(`https://127.0.0.1:${port}`));
  expect(answer).toMatchObject({ phase: 'connect', code: 'TLS_FAILED' });
});

test('authorities that cannot be read are refused at once', () => {
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  expect(() => new HttpCaller({ privateAddresses: 'refuse', ca: CERTIFICATE + broken })).toThrow();
  expect(() => new HttpCaller({ privateAddresses: 'refuse', ca: 'a file' })).toThrow('PEM');
});

test('N5: who accepts and says nothing may have received it, and is left in time', async () => {
  const { port, sockets } = await tcpServer(() => {});
  const answer = await ask(port, { totalMs: 60 });
  expect(answer).toMatchObject({ phase: 'answer', code: 'ANSWER_TIMEOUT', reused: false });
  expect(answer.ms).toBeGreaterThanOrEqual(59);
  expect(answer.ms).toBeLessThan(2_000);
  await closed(sockets);
});

test.each([
  ['headers', 'HTTP/1.1 200 OK\r\nx: '],
  ['a body', 'HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n'],
  ['a body without a length', 'HTTP/1.1 200 OK\r\n\r\n'],
])('N9: %s that drips does not extend the time', async (_name, start) => {
  const { port, sockets } = await tcpServer((socket) => {
    socket.write(start);
    const drip = setInterval(() => socket.write('x'), 5);
    socket.on('close', () => clearInterval(drip));
  });
  const answer = await ask(port, { totalMs: 100 });
  expect(answer).toMatchObject({ phase: 'answer', code: 'ANSWER_TIMEOUT' });
  expect(answer.ms).toBeLessThan(2_000);
  await closed(sockets);
});

test('N9: informational answers without end do not extend the time', async () => {
  const { port } = await tcpServer((socket) => {
    const drip = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 5);
    socket.on('close', () => clearInterval(drip));
  });
  expect(await ask(port, { totalMs: 100 })).toMatchObject({ code: 'ANSWER_TIMEOUT' });
});

test.each([true, false])(
  'N9: an answer of as many bytes as allowed is whole, one more is a failure (declared: %s)',
  async (declared) => {
    const { port, sockets } = await httpServer((request, response) => {
      if (!declared) response.write('x');
      response.end('x'.repeat(Number(request.headers['x-bytes']) - (declared ? 0 : 1)));
    });
    const whole = await ask(port, { headers: { 'x-bytes': '1000' } });
    expect(whole).toMatchObject({ kind: 'answer', body: 'x'.repeat(1_000) });
    expect(await ask(port, { headers: { 'x-bytes': '1001' } })).toMatchObject({
      phase: 'answer',
      code: 'ANSWER_TOO_LARGE',
    });
    await closed(sockets.slice(1));
  },
);

test('N9: a declared length that is too large fails before a byte of the body', async () => {
  const { port, sockets } = await tcpServer((socket) =>
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n'),
  );
  expect(await ask(port)).toMatchObject({ phase: 'answer', code: 'ANSWER_TOO_LARGE' });
  await closed(sockets);
});

test('N9: a body without end is left at its limit', async () => {
  const { port, sockets } = await httpServer((_request, response) => {
    const pour = (): void => {
      while (response.writable && response.write('x'.repeat(10_000)));
    };
    response.on('drain', pour);
    pour();
  });
  expect(await ask(port, { bytesMax: 100_000 })).toMatchObject({ code: 'ANSWER_TOO_LARGE' });
  await closed(sockets);
});

test('N9: headers without end are too large', async () => {
  const { port } = await tcpServer((socket) =>
    socket.write(`HTTP/1.1 200 OK\r\n${'x: yyyyyyyy\r\n'.repeat(5_000)}`),
  );
  expect(await ask(port)).toMatchObject({ phase: 'answer', code: 'ANSWER_TOO_LARGE' });
});

test.each([
  ['before a byte', ''],
  ['within the headers', 'HTTP/1.1 200 OK\r\nx: '],
  ['within a body of known length', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'],
  ['within a body in chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc'],
])('N6: who ends the connection %s may have received it', async (_name, start) => {
  for (const end of ['end', 'resetAndDestroy'] as const) {
    const { port } = await tcpServer((socket) => socket.write(start, () => socket[end]()));
    expect(await ask(port)).toMatchObject({ phase: 'answer', code: 'RESET', reused: false });
  }
});

test.each([
  ['no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
  [
    'a length and chunks',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['chunks that are none', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'],
  [
    'another protocol',
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
  ],
])('an answer with %s is none', async (_name, said) => {
  const { port, sockets } = await tcpServer((socket) => socket.write(said));
  expect(await ask(port)).toMatchObject({ phase: 'answer', code: 'ANSWER_INVALID' });
  await closed(sockets);
});

test('N6: a connection that is taken again and reset is said to be, and the call is sent once', async () => {
  let pieces = 0;
  const { port, sockets } = await tcpServer((socket, piece) => {
    pieces++;
    if (piece === 0) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    else socket.resetAndDestroy();
  });
  const one = caller();
  const post = call(`http://127.0.0.1:${port}`, { method: 'POST', body: '{}' });
  expect(await one.call(post)).toMatchObject({ status: 200 });
  expect(await one.call(post)).toMatchObject({ phase: 'answer', code: 'RESET', reused: true });
  expect([sockets.length, pieces]).toEqual([1, 2]);
  expect(await one.call(post)).toMatchObject({ status: 200 });
  expect(sockets).toHaveLength(2);
});

test('N5: a connection that is taken again has no time to connect, and the same time in all', async () => {
  const { port, sockets } = await tcpServer((socket, piece) => {
    if (piece === 0) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  });
  const one = caller();
  await one.call(call(`http://127.0.0.1:${port}`));
  const answer = await one.call(call(`http://127.0.0.1:${port}`, { connectMs: 10, totalMs: 80 }));
  expect(answer).toMatchObject({ phase: 'answer', code: 'ANSWER_TIMEOUT', reused: true });
  expect(answer.ms).toBeGreaterThanOrEqual(79);
  await closed(sockets);
});

test('a connection serves many calls without gathering listeners', async () => {
  const warned = vi.fn();
  process.on('warning', warned);
  onTestFinished(() => void process.off('warning', warned));
  const { port, sockets } = await httpServer((_request, response) => response.end('x'));
  const one = caller();
  const stop = new AbortController();
  for (let count = 0; count < 30; count++)
    await one.call(call(`http://127.0.0.1:${port}`, { signal: stop.signal }));
  await sleep(0);
  expect([sockets.length, warned.mock.calls]).toEqual([1, []]);
  expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
});

test('closing ends the idle connections and none that is at work', async () => {
  const { port, sockets } = await httpServer((request, response) => {
    if (request.url === '/slow') setTimeout(() => response.end('done'), 50);
    else response.end();
  });
  const one = caller();
  const slow = one.call(call(`http://127.0.0.1:${port}/slow`));
  await one.call(call(`http://127.0.0.1:${port}/`));
  one.close();
  await closed(sockets.slice(1));
  expect(await slow).toMatchObject({ body: 'done' });
});

test('an answer that comes before the whole body was sent is an answer, and its connection is closed', async () => {
  const { port, sockets } = await tcpServer((socket, piece) => {
    if (piece > 0) return;
    socket.pause();
    socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno');
  });
  const answer = await ask(port, { method: 'POST', body: 'x'.repeat(30_000_000) });
  expect(answer).toMatchObject({ kind: 'answer', status: 413, body: 'no' });
  for (const socket of sockets) socket.resume();
  await closed(sockets);
  expect(sockets[0]?.bytesRead).toBeLessThan(30_000_000);
});

test.each(['before', 'while connecting', 'at once', 'while answering'])(
  'a call that is given up %s ends',
  async (when) => {
    const { port, sockets } = await tcpServer(() => stop.abort());
    const stop = new AbortController();
    if (when === 'before') stop.abort();
    if (when === 'while connecting') setTimeout(() => stop.abort(), 10);
    const silent: FindAddresses = () => new Promise(() => {});
    const asked =
      when === 'while connecting'
        ? caller({}, silent).call(call('http://a.test', { signal: stop.signal }))
        : ask(port, { signal: stop.signal });
    if (when === 'at once') stop.abort();
    const phase = when === 'while answering' ? 'answer' : 'connect';
    expect(await asked).toMatchObject({ kind: 'failed', phase, code: 'ABORTED' });
    await closed(sockets);
  },
);
