// The command about remote workers: what it lists and shows, how it pauses, resumes and asks, on the database and on a server; and modules that export targets.
import { expect, onTestFinished, test, vi } from 'vitest';
import { serve } from '../../src/http/index.ts';
import {
  type Begun,
  begin,
  remoteWorker,
  SECRET,
} from '../engine/targets/support/remote-worker.ts';
import { eventually, setup } from '../support/unstuck.ts';
import { type Ended, run, start } from './support/command.ts';

vi.setConfig({ testTimeout: 180_000 });

const TOKEN = 'a-token-of-sixteen-and-more';
const PRIVATE = { UNSTUCK_PRIVATE_ADDRESSES: '127.0.0.0/8' };

interface World extends Begun {
  /** On the database, and on a server: both must say the same. */
  readonly doors: readonly ((...args: string[]) => Promise<Ended>)[];
}

async function world(): Promise<World> {
  const all = await begin({ probe: { every: '1h' } });
  const server = await serve(all.unstuck, { port: 0, token: TOKEN });
  onTestFinished(() => server.close());
  const env = { ...PRIVATE, UNSTUCK_DATABASE_URL: all.url };
  const remote = { ...PRIVATE, UNSTUCK_URL: server.url, UNSTUCK_TOKEN: TOKEN };
  return {
    ...all,
    doors: [(...args) => run(args, { env }), (...args) => run(args, { env: remote })],
  };
}

test('targets are listed and shown alike on the database and on a server', async () => {
  const all = await world();
  const id = await down(all);
  const [list, remoteList] = await both(all, 'target', 'list');
  expect(list?.stdout).toMatch(
    /^assembler\tdown\t\S+Z\t1\t0\t0\t\S+Z\thttp:\/\/127\.0\.0\.1:\d+\/jobs\tassemble\n$/,
  );
  expect(remoteList).toEqual(list);
  const [shown, remoteShown] = await both(all, 'target', 'show', 'assembler', '-o', 'json');
  expect(JSON.parse(shown?.stdout ?? '')).toMatchObject({
    name: 'assembler',
    state: 'down',
    parked: 1,
    last_error: { code: 'CONNECT_REFUSED' },
  });
  expect(remoteShown).toEqual(shown);
  const [facts] = await both(all, 'target', 'show', 'assembler');
  expect(facts?.stdout).toMatch(/^state\tdown$/m);
  for (const { code, stderr } of await both(all, 'target', 'show', 'none'))
    expect({ code, known: stderr.includes('TARGET_UNKNOWN') }).toEqual({ code: 3, known: true });
  const [status, remoteStatus] = await both(all, 'status');
  for (const one of [status, remoteStatus])
    expect(one?.stdout).toMatch(
      /^target\tassembler\tdown\t\S+Z\t1\tdown since .*CONNECT|^target\tassembler\tdown\t/m,
    );
  expect(status?.stdout).not.toMatch(/^worker\ttarget/m);
  for (const one of await both(all, 'job', 'show', id)) {
    expect(one.stdout).toMatch(/^target\tassembler \(http:\/\/127\.0\.0\.1:\d+\/jobs\)$/m);
    expect(one.stdout).toMatch(/^parked\t\S+Z \(\d+ times\)$/m);
    expect(one.stdout).toMatch(/^target error\tCONNECT_REFUSED: /m);
  }
  for (const one of await both(all, 'job', 'why', id))
    expect(one.stdout).toMatch(/^target\twaits: target "assembler" \(.*\) is down since /m);
});

test('a target is asked, and the exit code says whether it answers', async () => {
  const all = await world();
  for (const one of await both(all, 'target', 'probe', 'assembler'))
    expect(one).toMatchObject({
      code: 0,
      stdout: 'assembler\tup\tThe target "assembler" answers.\n',
    });
  const id = await down(all);
  for (const one of await both(all, 'target', 'probe', 'assembler')) {
    expect(one.code).toBe(8);
    expect(one.stdout).toMatch(/^assembler\tdown\tThe target "assembler" does not answer/);
  }
  await all.worker.up();
  const [direct] = all.doors;
  expect(await direct?.('target', 'probe', 'assembler', '-o', 'json')).toMatchObject({ code: 0 });
  expect(await all.unstuck.wait(id)).toMatchObject({ state: 'completed' });
});

test('a target is paused and resumed, in the name of whoever does it', async () => {
  const all = await world();
  for (const [door, by] of [
    [all.doors[0], /^cli:/],
    [all.doors[1], /^root$/],
  ] as const) {
    const paused = await door?.('target', 'pause', 'assembler', '--reason', 'mended', '-o', 'json');
    const { paused: pause } = JSON.parse(paused?.stdout ?? '{}') as { paused: object };
    expect(pause).toMatchObject({ reason: 'mended', by: expect.stringMatching(by) });
    const resumed = await door?.('target', 'resume', 'assembler');
    expect(resumed).toMatchObject({ code: 0 });
    expect(resumed?.stdout).toMatch(/^state\tup$/m);
  }
});

test('S2.4: an enqueue for a target that is down succeeds, and says what happens', async () => {
  const all = await world();
  await down(all);
  for (const one of await both(all, 'enqueue', 'assemble', '{}')) {
    expect(one.code).toBe(0);
    expect(one.stdout).toMatch(/^[-0-9a-f]{36}\tcreated\n$/);
    expect(one.stderr).toMatch(/^Queued\. The worker "assembler" is away since \d\d:\d\d UTC; /);
  }
  for (const one of await both(all, 'enqueue', 'assemble', '{}', '-o', 'json'))
    expect(JSON.parse(one.stdout)).toMatchObject({ notice: { code: 'TARGET_DOWN' } });
  const [plain] = await both(all, 'enqueue', 'plain', '{}');
  expect(plain?.stderr).toBe('');
});

test.each([['work'], ['start']])(
  'a target that a module of %s exports is known to the process that is supervised',
  async (command) => {
    const worker = await remoteWorker();
    const { url, unstuck } = await setup({ sweep: false });
    const args = command === 'start' ? ['--port', '0'] : [];
    const running = start([command, 'test/cli/support/remote-jobs.ts', ...args], {
      env: {
        ...PRIVATE,
        UNSTUCK_DATABASE_URL: url,
        UNSTUCK_TARGET_SECRET: SECRET,
        ASSEMBLER_URL: worker.url,
      },
    });
    const { id } = await unstuck.enqueue('assemble', { episode: 7 });
    const job = await unstuck.wait(id, { timeout: '60s' });
    expect(job).toMatchObject({ state: 'completed', result: { done: { episode: 7 } } });
    running.child.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0 });
  },
);

test('a module that exports no definition at all is refused', async () => {
  const { code, stderr } = await run(['work', 'test/cli/support/command.ts'], {});
  expect(code).toBe(2);
  expect(stderr).toContain('made with defineJob, defineTarget, defineAlerts or defineBridge');
});

/** Asks at both doors, one after the other. */
async function both({ doors }: World, ...args: string[]): Promise<Ended[]> {
  const ended: Ended[] = [];
  for (const door of doors) ended.push(await door(...args));
  return ended;
}

/** Stops the remote worker, and lets a job find out; answers its id. */
async function down({ worker, unstuck, enqueue }: World): Promise<string> {
  await worker.down();
  const id = await enqueue();
  await eventually(async () => {
    const { state, parked } = await unstuck.targets.get('assembler');
    return state === 'down' && parked === 1;
  }, 'it is down');
  return id;
}
