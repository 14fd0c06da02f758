// The laws of the probes: everybody gets ok or not ok, and whoever may read what is wrong.
import { expect, test } from 'vitest';
import { createHandler, type HandlerOptions } from '../../src/http/index.ts';
import { setup } from '../support/unstuck.ts';

const TOKEN = 'correct-horse-battery';

async function asking(options: HandlerOptions = {}): Promise<{
  ask: (path: string, headers?: Record<string, string>) => Promise<string>;
  unstuck: Awaited<ReturnType<typeof setup>>['unstuck'];
}> {
  const { unstuck } = await setup({ sweep: false });
  const handle = createHandler(unstuck, { token: TOKEN, ...options });
  const ask = async (path: string, headers = {}): Promise<string> => {
    const answer = await handle(new Request(`http://pod-7.example${path}`, { headers }));
    return `${answer.status} ${await answer.text()}`;
  };
  return { ask, unstuck };
}

const known = { authorization: `Bearer ${TOKEN}` };

test('whoever may read is told each check', async () => {
  const { ask } = await asking();
  expect(await ask('/readyz?verbose', known)).toMatch(
    /^200 \[\+\]serving ok\n\[\+\]database ok \d+ms\n\[\+\]loops ok\nok\n$/,
  );
  expect(await ask('/readyz', known)).toBe('200 ok\n');
});

test('everybody else gets one word, whatever they ask for', async () => {
  const { ask } = await asking();
  expect(await ask('/readyz?verbose')).toBe('200 ok\n');
  expect(await ask('/readyz?verbose', { authorization: 'Bearer wrong' })).toBe('200 ok\n');
  const { ask: closing } = await asking({ draining: () => true });
  expect(await closing('/readyz?verbose')).toBe('503 not ok\n');
});

test('what is wrong is named without the words of the database', async () => {
  const { ask, unstuck } = await asking({ draining: () => true });
  unstuck.ping = () =>
    Promise.reject(
      Object.assign(new Error('password of postgres://me:secret@db failed'), { code: '28P01' }),
    );
  expect(await ask('/readyz?verbose', known)).toBe(
    '503 [-]serving: this process is going away\n[-]database: 28P01\n[+]loops ok\nnot ok\n',
  );
});

test('a loop without a pulse is shown, and takes nothing out of service', async () => {
  const { ask, unstuck } = await asking();
  Object.defineProperty(unstuck, 'stalled', { get: () => ['pump'] });
  expect(await ask('/readyz?verbose', known)).toMatch(/^200 [^]*\[-\]loops: no pulse: pump\nok\n$/);
  expect(await ask('/readyz')).toBe('200 ok\n');
});
