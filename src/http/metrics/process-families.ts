/** What this process has done, as metrics: of its own counts, without a question to the database. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { memoryUsage, uptime, version } from 'node:process';
import type { Meter, TypeMeter } from '../../domain/meter.ts';
import { VERSION } from '../../domain/version.ts';
import { counter, type Family, gauge, histogram, type Labels } from './family.ts';
import type { RequestMeter } from './request-meter.ts';

const RESOLUTION_MS = 20;

/** Measures how long the event loop is held up; begins with the first scrape. */
export class LoopLag {
  #delay: ReturnType<typeof monitorEventLoopDelay> | undefined;

  /** The longest delay since the last call, in seconds; null at the first. */
  take(): number | null {
    if (this.#delay === undefined) {
      this.#delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      this.#delay.enable();
      return null;
    }
    // What is measured is the time from one look to the next.
    const longest = this.#delay.max / 1e9 - RESOLUTION_MS / 1_000;
    this.#delay.reset();
    return Math.max(0, longest);
  }
}

/** The metrics of one process. */
export function processFamilies(
  meter: Meter,
  requests: RequestMeter,
  { streams, lag }: { readonly streams: number; readonly lag: number | null },
): Family[] {
  return [
    ...workFamilies([...meter.types]),
    counter(
      'unstuck_sweep_moved_total',
      'Late jobs that the sweep of this process has moved on, by task.',
      [...meter.swept].map(([task, moved]) => [{ task }, moved]),
    ),
    histogram(
      'unstuck_http_request_duration_seconds',
      'Time to answer a request of the HTTP API (of a stream: to begin it).',
      [...requests.kinds.values()].map(({ seconds, ...labels }) => [labels, seconds]),
    ),
    gauge('unstuck_sse_clients', 'Live streams that are open in this process.', [[{}, streams]]),
    gauge(
      'unstuck_event_loop_lag_seconds',
      'The longest time for which the event loop of this process was held up since the last scrape.',
      [[{}, lag]],
    ),
    gauge('unstuck_build_info', 'The version of Unstuck and of Node in this process.', [
      [{ version: VERSION, node: version }, 1],
    ]),
    gauge('process_resident_memory_bytes', 'Resident memory of this process.', [
      [{}, memoryUsage.rss()],
    ]),
    gauge('process_start_time_seconds', 'When this process started, in seconds since 1970.', [
      [{}, Math.round(Date.now() / 1_000 - uptime())],
    ]),
  ];
}

function workFamilies(types: readonly (readonly [string, TypeMeter])[]): Family[] {
  const of = <T>(pick: (meter: TypeMeter) => T): [Labels, T][] =>
    types.map(([type, meter]) => [{ type }, pick(meter)]);
  const by = (
    label: string,
    pick: (meter: TypeMeter) => ReadonlyMap<string, number>,
  ): [Labels, number][] =>
    types.flatMap(([type, meter]) =>
      [...pick(meter)].map(([name, count]): [Labels, number] => [{ type, [label]: name }, count]),
    );
  return [
    counter(
      'unstuck_enqueued_total',
      'Jobs that this process has stored.',
      of((meter) => meter.enqueued),
    ),
    counter(
      'unstuck_deduplicated_total',
      'Enqueues of this process that stored nothing, because a job had the key.',
      of((meter) => meter.deduplicated),
    ),
    counter(
      'unstuck_finished_total',
      'Jobs that this process has ended, by their state.',
      by('state', (meter) => meter.finished),
    ),
    counter(
      'unstuck_attempts_total',
      'Attempts of this process that have ended, by outcome.',
      by('outcome', (meter) => meter.attempts),
    ),
    histogram(
      'unstuck_queue_wait_seconds',
      'Time from the enqueue of a job to its first claim by this process, delays and gates included.',
      of((meter) => meter.wait),
    ),
    histogram(
      'unstuck_run_duration_seconds',
      'Time from the start of a handler to its end.',
      of((meter) => meter.run),
    ),
  ];
}
