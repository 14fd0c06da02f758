// What a requirement is shown in: an application with its worker and its server, an assembler that can be killed, and somebody who is told.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Job, lineLog, type ProbeOptions, type TargetDefinition, type Unstuck } from 'unstuck';
import { serve } from 'unstuck/http';
import { freePort } from '../free-port.ts';
import { type Stage, until } from '../requirement.ts';
import { type AssemblerProcess, startAssembler } from './assembler-process.ts';
import { assemblerAt } from './assembler-target.ts';
import { createEpisode, type EpisodeAnswer } from './episodes.ts';
import { jobs } from './index.ts';
import { type Listener, startListener } from './listener.ts';
import { type Expected, RECIPES } from './recipes.ts';
import { type SmsProvider, smsAccount, startSmsProvider } from './sms-provider.ts';

/** A studio at work. */
export interface Studio {
  readonly unstuck: Unstuck;
  /** Where the application serves. */
  readonly url: string;
  /** What an outside scheduler sends to tick. */
  readonly tickSecret: string;
  readonly assembler: AssemblerProcess;
  readonly target: TargetDefinition;
  readonly listener: Listener;
  /** What the administrator has got. */
  readonly provider: SmsProvider;
  /** The lines of the log so far. */
  readonly lines: readonly string[];
  /** Orders an episode; the listener is told of its end. */
  readonly order: (recipe?: number) => Promise<Ordered>;
  /** Waits for the line of the log that has this in it. */
  readonly logged: (text: string) => Promise<string>;
}

/** An episode that was ordered, and what must come of it. */
export interface Ordered extends EpisodeAnswer {
  readonly expected: Expected;
}

/** How a studio differs from others. */
export interface StudioOptions {
  /** Default: `{ every: '1s' }`, so that nobody waits for a minute. */
  readonly probe?: ProbeOptions;
  /** Default true. */
  readonly sweep?: boolean;
}

/** Opens a studio, shows something in it, and closes it. */
export async function inStudio(
  stage: Stage,
  show: (studio: Studio) => Promise<string>,
  { probe = { every: '1s' }, sweep = true }: StudioOptions = {},
): Promise<string> {
  const closing: (() => Promise<unknown>)[] = [];
  try {
    const directory = await mkdtemp(join(tmpdir(), 'unstuck-assembler-'));
    closing.push(() => rm(directory, { recursive: true, force: true }));
    const assembler = await startAssembler({ directory });
    closing.push(() => assembler.stop());
    const secret = `whsec_${randomBytes(24).toString('base64')}`;
    const listener = await startListener(secret);
    closing.push(() => listener.close());
    const provider = await startSmsProvider(smsAccount);
    closing.push(() => provider.close());
    const lines: string[] = [];
    const port = await freePort();
    const tickSecret = randomBytes(16).toString('hex');
    const unstuck = await stage.connect({
      publicUrl: `http://127.0.0.1:${port}`,
      privateAddresses: ['127.0.0.1'],
      webhookSecrets: [secret],
      sweep,
      log: lineLog('info', (line) => void lines.push(line)),
    });
    const server = await serve(unstuck, { port, jobs, tick: { secret: tickSecret } });
    closing.push(() => server.close());
    const target = assemblerAt(assembler.url, { probe, silence: '2s' });
    const worker = await unstuck.work(jobs, { targets: [target] });
    closing.push(() => worker.stop());
    // An earlier requirement may have left it down, at another address.
    await expectUp(unstuck);
    const { url } = server;
    const order = async (which = 0): Promise<Ordered> => {
      const { recipe, expected } = RECIPES[which % RECIPES.length] as (typeof RECIPES)[number];
      const title = `Episode ${which}`;
      const notify = { webhook: listener.url };
      return { ...(await createEpisode(unstuck, { title, recipe }, { notify })), expected };
    };
    const logged = (text: string): Promise<string> => lineWith(lines, text);
    const parts = { unstuck, url, tickSecret, assembler, target, listener, provider, lines };
    return await show({ ...parts, order, logged });
  } finally {
    for (const close of closing.toReversed()) await close();
  }
}

async function expectUp({ targets }: Unstuck): Promise<void> {
  for (let look = 0; (await targets.get('assembler')).state !== 'up'; look += 1) {
    assert(look < 300, 'the assembler that was just started is not up');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The job by which an episode is assembled, once it waits for the assembler. */
export async function parkedOf({ unstuck }: Studio, { job }: EpisodeAnswer): Promise<Job> {
  const id = await assemblyOf(unstuck, job);
  return until(unstuck, id, ({ waitsFor }) => waitsFor === 'target');
}

/** The id of the job by which an episode is assembled. */
export async function assemblyOf(unstuck: Unstuck, job: string): Promise<string> {
  await until(unstuck, job, ({ waitsFor, state }) => waitsFor === 'executions' || isOver(state));
  const [cell] = await unstuck.executions.list(job);
  assert(typeof cell?.jobId === 'string', `the episode ${job} is assembled by no job`);
  return cell.jobId;
}

function isOver(state: Job['state']): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled';
}

async function lineWith(lines: readonly string[], text: string): Promise<string> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const line = lines.find((one) => one.includes(text));
    if (line !== undefined) return line;
    assert(performance.now() < deadline, `nothing was logged with ${text}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
