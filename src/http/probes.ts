/** Probes: /livez and /readyz, open to everybody because they tell next to nothing. */
import type { Hono } from 'hono';
import { allows } from '../domain/scopes.ts';
import type { Access } from './access/access.ts';
import type { Peer } from './access/principal.ts';
import { type Found, Readiness, type ReadinessParts } from './readiness.ts';

/** The paths of the probes, which no log line is written for. */
export const PROBES: readonly string[] = ['/livez', '/readyz'];

/** Adds the probes; whoever may read gets the single checks with `?verbose`. */
export function addProbes<E extends { Bindings: { readonly peer: Peer } }>(
  app: Hono<E>,
  access: Access,
  parts: ReadinessParts,
): void {
  const readiness = new Readiness(parts);
  app.get('/livez', (c) => c.text('ok\n'));
  app.get('/readyz', async (c) => {
    const found = await readiness.look();
    const told =
      c.req.query('verbose') !== undefined && (await mayRead(access, c.req.raw, c.env.peer));
    return c.text(textOf(found, told), found.ready ? 200 : 503);
  });
}

function textOf({ ready, lines }: Found, told: boolean): string {
  return [...(told ? lines : []), ready ? 'ok' : 'not ok', ''].join('\n');
}

async function mayRead(access: Access, request: Request, peer: Peer): Promise<boolean> {
  try {
    return allows((await access.authenticate(request, peer)).scopes, 'read');
  } catch {
    // Who is not known, and who cannot be looked up because the database is away, gets the short answer.
    return false;
  }
}
