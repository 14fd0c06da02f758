// Calls of tests: a caller that may call this machine, and what a test leaves out of a call.
import { onTestFinished, vi } from 'vitest';
import type { FindAddresses } from '../../../src/std/address-guard.ts';
import {
  type HttpAnswer,
  type HttpCall,
  HttpCaller,
  type HttpCallerRule,
} from '../../../src/std/http-call.ts';

/** A resolver for which every name is 127.0.0.1. */
export const LOCAL: FindAddresses = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);

/** A caller that may call 127.0.0.1 beside public addresses, until the end of the test. */
export function caller(rule: Partial<HttpCallerRule> = {}, find?: FindAddresses): HttpCaller {
  const made = new HttpCaller({ privateAddresses: ['127.0.0.1'], ...rule }, find);
  onTestFinished(() => made.close());
  return made;
}

/** A GET with limits that no test reaches by chance. */
export function call(url: string, given: Partial<HttpCall> = {}): HttpCall {
  return { url, method: 'GET', connectMs: 2_000, totalMs: 4_000, bytesMax: 1_000, ...given };
}

/** Calls a server of the test once, with a path and a query that must not be told to anybody. */
export function ask(port: number, given: Partial<HttpCall> = {}): Promise<HttpAnswer> {
  return caller().call(call(`http://127.0.0.1:${port}/secret-path?secret-query`, given));
}

/** Waits, 3 s at most, until connections are closed at the side of the server. */
export async function closed(sockets: readonly { readonly destroyed: boolean }[]): Promise<void> {
  await vi.waitUntil(() => sockets.every(({ destroyed }) => destroyed), {
    timeout: 3_000,
    interval: 5,
  });
}
