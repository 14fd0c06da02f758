// Whatever a target answers, or does instead, its job ends once, and is charged only for what is its own fault.
import { describe, expect, test } from 'vitest';
import { eventually } from '../../support/unstuck.ts';
import {
  type Answer,
  allOutcomes,
  begin,
  completes,
  json,
  parked,
  standing,
} from './support/remote-worker.ts';

const echo = ({ sent }: Parameters<Answer>[0]): object => ({
  id: sent.id,
  token: sent.token,
  status: 'completed',
});

/** What a target does once, before it is well again. */
const UNCLEAR: Readonly<Record<string, readonly [answer: Answer, code: string]>> = {
  'accepts the connection and hangs': [() => undefined, 'ANSWER_TIMEOUT'],
  'N5: answers after its time': [
    (got, response) => void setTimeout(() => void completes(got, response), 800),
    'ANSWER_TIMEOUT',
  ],
  'N9: drips bytes': [
    (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
    },
    'ANSWER_TIMEOUT',
  ],
  'N9: answers more than it may': [
    (got, response) => json(response, 200, { ...echo(got), result: 'x'.repeat(70_000) }),
    'ANSWER_TOO_LARGE',
  ],
  'N4: answers garbage': [
    (_, response) => void response.writeHead(200).end('\u0000{'),
    'TARGET_ANSWER_INVALID',
  ],
  'N4: answers a page with 200': [
    (_, response) => void response.writeHead(200).end('<html>OK</html>'),
    'TARGET_ANSWER_INVALID',
  ],
  'N4: answers for another job': [
    (got, response) => json(response, 200, { ...echo(got), id: 'another' }),
    'TARGET_ANSWER_INVALID',
  ],
  'N4: answers for another attempt': [
    (got, response) => json(response, 200, { ...echo(got), token: '99' }),
    'TARGET_ANSWER_INVALID',
  ],
  'N10: redirects': [
    (_, response) => void response.writeHead(307, { location: '/elsewhere' }).end(),
    'HTTP_307',
  ],
  'resets the connection': [(_, response) => void response.socket?.resetAndDestroy(), 'RESET'],
  'N11: does not accept the signature': [
    (_, response) => void response.writeHead(401).end(),
    'HTTP_401',
  ],
  'breaks over it': [(_, response) => void response.writeHead(500).end(), 'HTTP_500'],
  'is away behind its gateway': [(_, response) => void response.writeHead(502).end(), 'HTTP_502'],
};

describe('S2.8: a job whose target', () => {
  test.for(Object.entries(UNCLEAR))(
    '%s is sent again under a new token, and charged nothing',
    async ([, [bad, code]]) => {
      const all = await begin({ timeout: '400ms', answerBytesMax: 65_536 });
      all.worker.answer((got, response) => {
        all.worker.answer(completes);
        return bad(got, response);
      });
      const id = await all.enqueue();
      const job = await all.unstuck.wait(id);
      expect(job).toMatchObject({ state: 'completed', attempt: 1 });
      expect(all.worker.posts.map(({ path, sent }) => [path, sent.token])).toEqual([
        ['/jobs', '1'],
        ['/jobs', '2'],
      ]);
      expect(await allOutcomes(all)).toEqual([]);
      const kinds = (await all.unstuck.history(id)).map(({ kind }) => kind);
      expect(kinds.filter((kind) => /parked/.test(kind))).toEqual(['parked', 'unparked']);
      expect((await standing(all)).last_error).toMatchObject({ code });
    },
  );
});

test('N11: while a target accepts no signature, its jobs wait for it, and it says why', async () => {
  const all = await begin();
  all.worker.answer((_, response) => void response.writeHead(401).end());
  for (let one = 0; one < 5; one += 1) await all.enqueue();
  await parked(all, 5);
  await all.logged('target_down');
  const { last_error: error } = await standing(all);
  expect(error?.message).toContain('compare the secret, and its clock with ours');
  expect(await allOutcomes(all)).toEqual([]);
});

test.for([400, 413, 422])(
  'a job that is refused with %i fails at once, with the words of the target',
  async (status) => {
    const all = await begin();
    all.worker.answer((_, response) => void response.writeHead(status).end('no such episode'));
    const job = await all.unstuck.wait(await all.enqueue());
    expect(job).toMatchObject({ state: 'failed', attempt: 1, error: { code: 'TARGET_REJECTED' } });
    expect(job.error?.message).toContain('no such episode');
    expect(all.worker.posts).toHaveLength(1);
    expect(await standing(all)).toMatchObject({ state: 'up', failures: 0 });
  },
);

test.for([
  [429, 'in seconds', (): string => '600'],
  [503, 'as a date', (): string => new Date(Date.now() + 600_000).toUTCString()],
] as const)(
  'N8: after %i with Retry-After %s the whole target is sent nothing until then, and nothing is charged',
  async ([status, , retryAfter]) => {
    const all = await begin();
    all.worker.answer((_, response) => {
      response.writeHead(status, { 'retry-after': retryAfter() }).end();
    });
    const first = await all.enqueue();
    await parked(all, 1);
    const others = [await all.enqueue(), await all.enqueue()];
    await parked(all, 3);
    all.worker.answer(completes);
    expect(await standing(all)).toMatchObject({ state: 'up', failures: 0 });
    await all.moveClock('9 minutes 50 seconds');
    others.push(await all.enqueue());
    await parked(all, 4);
    expect(all.worker.posts).toHaveLength(1);
    await all.moveClock('10 minutes 5 seconds');
    for (const id of [first, ...others])
      expect(await all.unstuck.wait(id)).toMatchObject({ state: 'completed', attempt: 1 });
    expect(all.worker.posts).toHaveLength(5);
    expect(await allOutcomes(all)).toEqual([]);
  },
);

test('N6: a job whose kept connection the target had just closed is sent again at once, under the same key', async () => {
  const all = await begin();
  expect(await all.unstuck.wait(await all.enqueue())).toMatchObject({ state: 'completed' });
  all.worker.answer((_, response) => {
    all.worker.answer(completes);
    response.socket?.resetAndDestroy();
  });
  const job = await all.unstuck.wait(await all.enqueue());
  expect(job).toMatchObject({ state: 'completed', attempt: 1, token: '1' });
  const keys = all.worker.posts.slice(1).map(({ headers }) => headers['idempotency-key']);
  expect(keys).toEqual([`${job.id}.1`, `${job.id}.1`]);
  expect(await standing(all)).toMatchObject({ state: 'up', failures: 0 });
});

describe('N1: a job that was accepted, and of which nothing more is heard,', () => {
  const accepting: Answer = ({ sent }, response) =>
    json(response, 202, { id: sent.id, token: sent.token, status: 'accepted' });

  test('fails its attempt when the target cannot be asked, and is sent again', async () => {
    const all = await begin({ silence: '1s' }, { retry: { attempts: 2, base: '10ms' } });
    all.worker.answer((got, response) => {
      all.worker.answer(completes);
      return accepting(got, response);
    });
    const job = await all.unstuck.wait(await all.enqueue());
    expect(job).toMatchObject({ state: 'completed', attempt: 2 });
    expect(await allOutcomes(all)).toEqual(['failed']);
  });

  test('is warned of when its result can neither be told nor asked for', async () => {
    const all = await begin({}, {}, { publicUrl: '' });
    all.worker.answer(accepting);
    await all.enqueue();
    expect(await all.logged('target_unheard')).toMatchObject({
      facts: { target: 'assembler', message: expect.stringContaining('UNSTUCK_PUBLIC_URL') },
    });
  });

  test('fails its attempt when the target does not know it any more, and is sent again', async () => {
    const worker = await begin(
      { silence: '1s' },
      { retry: { attempts: 2, base: '10ms' } },
      {},
      '/{id}/{token}',
    );
    worker.worker.answer(
      (got, response) => {
        worker.worker.answer(completes);
        return accepting(got, response);
      },
      (_, response) => void response.writeHead(404).end(),
    );
    const job = await worker.unstuck.wait(await worker.enqueue());
    expect(job).toMatchObject({ state: 'completed', attempt: 2 });
    expect(await allOutcomes(worker)).toEqual(['failed']);
  });

  test('goes on whatever it says of how far it is, and keeps what can be kept', async () => {
    const all = await begin({ silence: '1s' }, {}, {}, '/{id}/{token}');
    all.worker.answer(accepting, ({ path }, response) => {
      const [, , id, token] = path.split('/');
      const note = `a\0b${'x'.repeat(5_000)}`;
      json(response, 200, { id, token, status: 'running', progress: 0.5, note });
    });
    const id = await all.enqueue();
    const job = await eventually(async () => {
      const now = await all.unstuck.get(id);
      return now?.progress === 0.5 ? now : undefined;
    }, 'it progresses');
    expect(job.progressNote).toBe(`ab${'x'.repeat(497)}`);
  });

  test('goes on for as long as the target says that it works on it', async () => {
    const all = await begin({ silence: '1s' }, {}, {}, '/{id}/{token}');
    let asked = 0;
    all.worker.answer(accepting, ({ path }, response) => {
      const [, , id, token] = path.split('/');
      asked += 1;
      const more =
        asked < 3 ? { status: 'running', progress: asked / 10 } : { status: 'completed' };
      json(response, 200, { id, token, ...more });
    });
    const id = await all.enqueue();
    await eventually(async () => (await all.unstuck.get(id))?.progress === 0.2, 'it progresses');
    expect(await all.unstuck.wait(id)).toMatchObject({ state: 'completed', attempt: 1 });
  });
});
