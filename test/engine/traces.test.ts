// Traces: an enqueue, its attempts and what their handlers enqueue are one story, told by the real SDK of OpenTelemetry.
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AlwaysOffSampler, type ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { expect, test } from 'vitest';
import { defineFanOut } from '../../src/domain/define-fan-out.ts';
import { idOf, linkedTo, traceparent, tracing } from '../support/tracing.ts';
import { anything, gate, job, setup } from '../support/unstuck.ts';
import { traced } from './isolate/traced.ts';

test('an enqueue, its attempt and what the handler enqueues are one story by their links', async () => {
  const { unstuck } = await setup();
  const { under, ended } = tracing();
  const child = job('child', () => undefined);
  const parent = job('parent', () => unstuck.enqueue(child, {}));
  await unstuck.work([parent, child]);
  const { id } = await under('request', () => unstuck.enqueue(parent, { secret: 'never told' }));

  const [settled] = await ended('settle child');
  const [request] = await ended('request');
  const [sent] = await ended('send parent');
  const [ran] = await ended('process parent');
  const [sentOn] = await ended('send child');
  const [ranOn] = await ended('process child');
  expect(sent?.kind).toBe(SpanKind.PRODUCER);
  expect(sent?.parentSpanContext?.spanId).toBe(idOf(request));
  expect(ran?.kind).toBe(SpanKind.CONSUMER);
  expect(ran?.parentSpanContext).toBeUndefined();
  expect(ran?.spanContext().traceId).not.toBe(sent?.spanContext().traceId);
  expect(linkedTo(ran)).toEqual([idOf(sent)]);
  expect(sentOn?.parentSpanContext?.spanId).toBe(idOf(ran));
  expect(linkedTo(ranOn)).toEqual([idOf(sentOn)]);
  expect(settled?.parentSpanContext?.spanId).toBe(idOf(ranOn));
  const [received] = await ended('receive parent');
  expect(received?.kind).toBe(SpanKind.CLIENT);
  expect(linkedTo(received)).toEqual([idOf(sent)]);
  expect(ran?.attributes).toEqual({
    'messaging.system.name': 'unstuck',
    'messaging.system': 'unstuck',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': 'parent',
    'messaging.message.id': id,
    'messaging.client.id': expect.any(String),
    'unstuck.queue': 'default',
    'unstuck.job.attempt': 1,
    'unstuck.job.attempts_max': 5,
    'unstuck.job.priority': 0,
    'unstuck.job.outcome': 'completed',
  });
  expect((await unstuck.get(id))?.traceparent).toBe(
    traceparent((sent as ReadableSpan).spanContext()),
  );
});

test('no span tells an input or a result', async () => {
  const { unstuck } = await setup();
  const { spans, ended } = tracing();
  const secret = job('secret', () => ({ answer: 'never told' }));
  await unstuck.work([secret]);
  await unstuck.enqueue(
    secret,
    { question: 'never told' },
    { key: 'never told', tags: ['never told'] },
  );
  await ended('settle secret');
  const told = spans().map(({ name, attributes, links, events }) => ({
    name,
    attributes,
    links,
    events,
  }));
  expect(JSON.stringify(told)).not.toContain('never told');
});

test('a second attempt is a trace of its own with links to the enqueue and to the first attempt', async () => {
  const { unstuck } = await setup();
  const { ended } = tracing();
  const flaky = job(
    'flaky',
    ({ attempt }) => {
      if (attempt === 1) throw new TypeError('not yet');
    },
    { retry: { base: 0 } },
  );
  await unstuck.work([flaky]);
  await unstuck.enqueue(flaky, {});
  const [first, second] = await ended('process flaky', 2);
  const [sent] = await ended('send flaky');
  expect(linkedTo(first)).toEqual([idOf(sent)]);
  expect(linkedTo(second)).toEqual([idOf(sent), idOf(first)]);
  expect(second?.spanContext().traceId).not.toBe(first?.spanContext().traceId);
  expect(first?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'not yet' });
  expect(first?.attributes).toMatchObject({
    'error.type': 'TypeError',
    'unstuck.job.outcome': 'retried',
  });
  expect(first?.events[0]?.attributes).toMatchObject({
    'exception.type': 'TypeError',
    'exception.message': 'not yet',
  });
  expect(second?.status.code).toBe(SpanStatusCode.UNSET);
});

test('a finished job that a person retries has still a link to its enqueue', async () => {
  const { unstuck } = await setup();
  const { ended } = tracing();
  const plain = job('plain', () => undefined);
  await unstuck.work([plain]);
  const { id } = await unstuck.enqueue(plain, {});
  await unstuck.wait(id);
  await unstuck.retry(id);
  const [, again] = await ended('process plain', 2);
  const [sent] = await ended('send plain');
  expect(linkedTo(again)).toEqual([idOf(sent)]);
});

test('each execution of a fan-out has a link to the one send that its parent made of them', async () => {
  const { unstuck } = await setup();
  const { ended } = tracing();
  const planned = gate();
  const cell = job('cell', () => planned.promise);
  const fan = defineFanOut({
    type: 'fan',
    input: anything,
    executions: { of: cell, plan: () => [0, 1, 2], input: (n: number) => n },
  });
  await unstuck.work([fan, cell]);
  await unstuck.enqueue(fan, {});
  const [plan] = await ended('process fan');
  planned.open();
  const cells = await ended('process cell', 3);
  const [, end] = await ended('process fan', 2);
  const [sent] = await ended('send cell');
  expect(sent?.attributes['messaging.batch.message_count']).toBe(3);
  expect(sent?.parentSpanContext?.spanId).toBe(idOf(plan));
  expect(plan?.attributes['unstuck.job.outcome']).toBe('awaits-executions');
  expect(linkedTo(end)).toContain(idOf(plan));
  for (const one of cells) expect(linkedTo(one)).toEqual([idOf(sent)]);
});

test('a batch is one send whose context all its jobs have, keyed and limited ones too', async () => {
  const { unstuck, query } = await setup();
  const { ended } = tracing();
  const limited = job('limited', () => undefined, { limit: { running: 1 } });
  await unstuck.enqueueMany('many', [{ input: 1 }, { input: 2, key: 'k' }]);
  await unstuck.enqueueMany(limited, [{ input: 1 }]);
  const [many] = await ended('send many');
  const [one] = await ended('send limited');
  expect(many?.attributes['messaging.batch.message_count']).toBe(2);
  const rows = await query(`select type, trace from unstuck.jobs order by seq`);
  const of = (span: ReadableSpan | undefined): object => ({
    traceparent: traceparent((span as ReadableSpan).spanContext()),
  });
  expect(rows).toEqual([
    { type: 'many', trace: of(many) },
    { type: 'many', trace: of(many) },
    { type: 'limited', trace: of(one) },
  ]);
});

test('a job that is enqueued in a transaction carries the context of that enqueue', async () => {
  const { unstuck, session } = await setup();
  const { under, ended } = tracing();
  const plain = job('plain', () => undefined);
  await unstuck.work([plain]);
  const tx = await session();
  await tx.query('begin');
  await under('request', () => unstuck.enqueue(plain, {}, { in: tx }));
  const [sent] = await ended('send plain');
  await tx.query('commit');
  const [ran] = await ended('process plain');
  const [request] = await ended('request');
  expect(sent?.parentSpanContext?.spanId).toBe(idOf(request));
  expect(linkedTo(ran)).toEqual([idOf(sent)]);
});

test('an enqueue that fails, and one whose key is taken, say so on their spans', async () => {
  const { unstuck } = await setup();
  const { ended } = tracing();
  const first = await unstuck.enqueue('keyed', {}, { key: 'k' });
  await unstuck.enqueue('keyed', {}, { key: 'k' });
  await expect(
    unstuck.enqueue('keyed', {}, { key: 'k', whenTaken: 'refuse' }),
  ).rejects.toMatchObject({ code: 'KEY_TAKEN' });
  const [, taken, refused] = await ended('send keyed', 3);
  expect(taken?.attributes).toMatchObject({
    'messaging.message.id': first.id,
    'unstuck.enqueue.reason': 'key-live',
  });
  expect(taken?.status.code).toBe(SpanStatusCode.UNSET);
  expect(refused?.attributes['error.type']).toBe('KEY_TAKEN');
  expect(refused?.status.code).toBe(SpanStatusCode.ERROR);
});

test('whatever a hand writes into the trace of a row, its attempt runs and what is malformed is left out', async () => {
  const { unstuck, query } = await setup();
  const { ended } = tracing();
  const seen = new Set<unknown>();
  const plain = job('plain', ({ input }) => void seen.add(input));
  await unstuck.work([plain]);
  const good = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const traces = [
    { traceparent: 'garbage' },
    { traceparent: 7, tracestate: [], attempt: {} },
    { traceparent: '00-00000000000000000000000000000000-b7ad6b7169203331-01' },
    { traceparent: good.replace('00', 'ff') },
    { traceparent: good, tracestate: 'é'.repeat(10), attempt: 'x' },
    {},
  ];
  for (const [n, stored] of traces.entries())
    await query(`insert into unstuck.jobs (type, input, trace) values ('plain', $1, $2)`, [
      n,
      stored,
    ]);
  await query(`select unstuck.enqueue('plain', '6', traceparent => $1)`, [good]);
  await query(`select unstuck.enqueue('plain', '7', traceparent => 'malformed')`);
  const ran = await ended('process plain', 8);
  expect(seen).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
  const links = ran.flatMap(({ links: own }) => own.map(({ context }) => context.traceId));
  expect(links).toEqual(['0af7651916cd43dd8448eb211c80319c', '0af7651916cd43dd8448eb211c80319c']);
});

test('a job of a trace that is not recorded says so in its row, and as a child it is not recorded either', async () => {
  const { unstuck, query } = await setup({ traces: 'child' });
  const { spans } = tracing(new AlwaysOffSampler());
  const ran = gate<boolean>();
  const plain = job('plain', () => ran.open(trace.getActiveSpan()?.isRecording() ?? true));
  const { id } = await unstuck.enqueue(plain, {});
  const [row] = await query<{ trace: { traceparent: string } }>(`select trace from unstuck.jobs`);
  expect(row?.trace.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  await unstuck.work([plain]);
  await unstuck.wait(id);
  expect(await ran.promise).toBe(false);
  expect(spans()).toEqual([]);
});

test('with traces: child an attempt belongs to the trace of its enqueue', async () => {
  const { unstuck } = await setup({ traces: 'child' });
  const { ended } = tracing();
  const plain = job('plain', () => undefined);
  await unstuck.work([plain]);
  await unstuck.enqueue(plain, {});
  const [ran] = await ended('process plain');
  const [sent] = await ended('send plain');
  expect(ran?.parentSpanContext).toMatchObject({ spanId: idOf(sent), isRemote: true });
  expect(linkedTo(ran)).toEqual([]);
});

test('the handler of an isolated job runs under the span of its attempt, in its own process', async () => {
  const { unstuck } = await setup();
  const { ended } = tracing();
  await unstuck.work([traced]);
  const { id } = await unstuck.enqueue(traced, {});
  const { result } = await unstuck.wait(id);
  const [ran] = await ended('process traced');
  expect(result).toBe(idOf(ran));
});

test('a schedule that fires has a span, and its job a link to it', async () => {
  const { unstuck, moveClock } = await setup({ sweepInterval: '50ms' });
  const { ended } = tracing();
  const nightly = job('nightly', () => undefined);
  await unstuck.work([nightly]);
  await unstuck.schedules.set('every-hour', { type: 'nightly', every: '1h' });
  await moveClock('61 minutes');
  const [ran] = await ended('process nightly');
  const [fired] = await ended('schedule every-hour');
  expect(fired?.attributes['unstuck.schedule.name']).toBe('every-hour');
  expect(linkedTo(ran)).toEqual([idOf(fired)]);
});

test('what the sweep heals has a span with a link to the enqueue', async () => {
  const { unstuck, query } = await setup();
  const { ended } = tracing();
  const plain = job('plain', () => undefined);
  await unstuck.enqueue(plain, {}, { finishBy: new Date(Date.now() + 60_000), hold: true });
  const [sent] = await ended('send plain');
  await query(`update unstuck.jobs set finish_by = now() - interval '1 second'`);
  unstuck.sweep();
  const [healed] = await ended('heal expire');
  expect(linkedTo(healed)).toEqual([idOf(sent)]);
});

test('spans that throw fail no job', async () => {
  const { unstuck } = await setup();
  const broken = (): never => {
    throw new Error('a sampler of the application is broken');
  };
  tracing({ shouldSample: broken, toString: () => 'broken' });
  const plain = job('plain', () => 7);
  await unstuck.work([plain]);
  const { id } = await unstuck.enqueue(plain, {});
  expect(await unstuck.wait(id)).toMatchObject({
    state: 'completed',
    result: 7,
    traceparent: null,
  });
});

test.each([
  ['nothing is registered', false],
  ['traces are off', true],
])('when %s, no row has a trace and no handler a span', async (_, registered) => {
  const { unstuck, query } = await setup(registered ? { traces: 'off' } : {});
  const spans = registered ? tracing().spans : () => [];
  const plain = job(
    'plain',
    ({ attempt }) => {
      if (attempt === 1) throw new Error('again');
      return trace.getActiveSpan() === undefined;
    },
    { retry: { base: 0 } },
  );
  await unstuck.work([plain]);
  const { id } = await unstuck.enqueue(plain, {});
  expect(await unstuck.wait(id)).toMatchObject({ result: true, traceparent: null });
  expect(await query(`select trace from unstuck.finished`)).toEqual([{ trace: null }]);
  expect(spans()).toEqual([]);
});
