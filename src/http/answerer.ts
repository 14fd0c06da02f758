/** Answerer: what every request to a route goes through: who asks, what is asked, the answer, each within its time. */
import type { Guards } from '../domain/serve-options.ts';
import { LongRequests } from './access/long-requests.ts';
import type { Peer } from './access/principal.ts';
import type { Trail } from './access-log.ts';
import type { Api } from './api.ts';
import { answeredWithin, arrivesWithin } from './deadline.ts';
import { plainAnswer } from './plain-answer.ts';
import { readParts } from './request.ts';
import type { Call, Reply, Route } from './route.ts';

/** One request to a route, with what is known of it. */
export interface Asked {
  readonly request: Request;
  readonly peer: Peer;
  readonly requestId: string;
  readonly trail: Trail;
  readonly params: Record<string, string>;
}

const ENVELOPE_BYTES = 65_536;
const BATCH_BYTES = 8_388_608;

/** Makes the function that answers requests to routes; it throws what becomes a problem. */
export function answerer(
  api: Api,
  guards: Guards & { readonly bodyBytesMax: number | undefined },
): (route: Route, asked: Asked) => Promise<Response> {
  const { requestTimeout, longRequests, bodyBytesMax } = guards;
  const longs = new LongRequests(longRequests);
  return async (route, { request, peer, requestId, trail, params }) => {
    trail.route = route;
    const job = route.callback === true ? params['id'] : undefined;
    const principal = await api.access.admit(request, peer, route.scope, job);
    trail.principal = principal;
    const bytesMax = bytesMaxOf(route, api.unstuck.config.inputBytesMax, bodyBytesMax);
    const reading = readParts(route, request, { params, bytesMax });
    const parts = await (route.body === undefined
      ? reading
      : arrivesWithin(reading, requestTimeout));
    const call = { api, principal, peer, ...parts, request, requestId } as Call<
      never,
      never,
      never
    >;
    if (route.long !== true)
      return toResponse(await answeredWithin(route.handle(call), requestTimeout));
    const name = `${principal.via}:${principal.name}`;
    return toResponse(await longs.run(name, () => route.handle(call), request.signal));
  };
}

function bytesMaxOf(route: Route, inputBytesMax: number, given: number | undefined): number {
  const one = given ?? inputBytesMax + ENVELOPE_BYTES;
  return route.bodySize === 'batch' ? Math.max(one, given ?? BATCH_BYTES) : one;
}

function toResponse(reply: Reply): Response {
  if (reply instanceof Response) return reply;
  const { status = 200, json, headers = {} } = reply;
  if (json === undefined) return new Response(null, { status, headers });
  return plainAnswer(`${JSON.stringify(json)}\n`, {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
}
