// The laws of logs: a line is one line, and writing it never throws.
import { expect, test } from 'vitest';
import { formatLine, type Log, lineLog, sturdyLog } from '../../src/domain/log.ts';

const refuse = (): never => {
  throw new Error('the disk is full');
};
const throwing: Log = { debug: refuse, info: refuse, warn: refuse, error: refuse };

test('facts of which no JSON can be made are written all the same', () => {
  const circular: Record<string, unknown> = {};
  circular['itself'] = circular;
  expect(formatLine('info', 'x', { circular, big: 1n })).toBe(
    'level=info event=x circular="<ref *1> { itself: [Circular *1] }" big=1n',
  );
});

test('what a name says to be secret is not written, at any depth, and the count that fences an attempt is', () => {
  const facts = {
    token: '17',
    authorization: 'Bearer abc',
    request: { headers: { Cookie: 'sid=abc', accept: '*/*' }, tokens: 3 },
    list: [{ apiKey: 'abc', client_secret: 'abc', 'X-Auth-Token': 'abc' }],
    dbPassword: 'abc',
    password: '',
    next: { token: 'abc' },
  };
  const line = formatLine('info', 'x', facts);
  expect(line).not.toMatch(/abc/);
  expect(line).toMatch(/ token=17 authorization=\[redacted\] /);
  expect(line).toContain('accept');
  expect(line).toContain('tokens');
  expect(facts.authorization).toBe('Bearer abc');
});

test('a secret inside a circle is not written either', () => {
  const circular: Record<string, unknown> = { password: 'abc' };
  circular['itself'] = circular;
  expect(formatLine('info', 'x', { circular, big: 1n })).not.toMatch(/abc/);
});

test('the message of an error is written without the password of an address in it', () => {
  const error = new Error('cannot reach postgres://me:abc@db/x');
  expect(formatLine('warn', 'x', { error })).toBe(
    'level=warn event=x error="cannot reach postgres://me@db/x"',
  );
});

test('a line on which the given log throws goes to the fallback, with the reason', () => {
  const lines: string[] = [];
  const log = sturdyLog(
    throwing,
    lineLog('info', (line) => lines.push(line)),
  );
  log.debug('quiet');
  log.warn('worker_dead', { pid: 7 });
  expect(lines).toEqual(['level=warn event=worker_dead pid=7 log_error="the disk is full"']);
});

test('a line whose promise the given log rejects goes to the fallback too', async () => {
  const reject = (() => Promise.reject(new Error('the disk is full'))) as () => void;
  const rejecting: Log = { debug: reject, info: reject, warn: reject, error: reject };
  const line = await new Promise<string>((resolve) =>
    sturdyLog(rejecting, lineLog('info', resolve)).info('x'),
  );
  expect(line).toBe('level=info event=x log_error="the disk is full"');
});

test('a log that works is called as the method that it is, and nothing is written twice', () => {
  const lines: string[] = [];
  class Own {
    #lines = lines;
    #add(event: string): void {
      this.#lines.push(event);
    }
    debug(event: string): void {
      this.#add(event);
    }
    info(event: string): void {
      this.#add(event);
    }
    warn(event: string): void {
      this.#add(event);
    }
    error(event: string): void {
      this.#add(event);
    }
  }
  sturdyLog(new Own(), throwing).info('x');
  expect(lines).toEqual(['x']);
});
