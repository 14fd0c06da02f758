/** Claim answer: what a claim brought, from the rows as they are sent. */
import { ATTEMPTS_USUAL, type ClaimRow, type SentClaimRow } from '../sql/claim.ts';
import type { JobLinks } from '../sql/links.ts';

/** What a claim brought. */
export interface ClaimAnswer {
  /** In the order of the queue. */
  readonly jobs: readonly ClaimRow[];
  /** Endings of the batch that rode along and were refused. */
  readonly refused: readonly { readonly id: string; readonly token: string }[];
  /** Whether a job waits that must run alone. */
  readonly alone: boolean;
}

/**
 * Reads the rows of an answer; `only` is the type of those that name none, as no other was asked for. A claim takes jobs in the order of their places,
 * which is mostly that of the queue.
 */
export function readClaim(rows: readonly SentClaimRow[], only: string): ClaimAnswer {
  const jobs: ClaimRow[] = [];
  const refused: { id: string; token: string }[] = [];
  let alone = false;
  let inPlace = true;
  for (const row of rows) {
    const [id, , , counts] = row;
    if (counts === 'alone') alone = true;
    else if (counts?.startsWith(REFUSED) === true)
      refused.push({ id, token: counts.slice(REFUSED.length) });
    else {
      const job = claimedRow(row, only);
      const before = jobs.at(-1);
      inPlace &&= before === undefined || inOrder(before, job) < 0;
      jobs.push(job);
    }
  }
  return { jobs: inPlace ? jobs : jobs.toSorted(inOrder), refused, alone };
}

const REFUSED = 'refused ';

function inOrder(a: ClaimRow, b: ClaimRow): number {
  return a.rank - b.rank || Number(a.seq) - Number(b.seq);
}

/** Fills in what a claim does not send of a plain job at its first attempt, and takes apart what it sends as one column. */
function claimedRow(row: SentClaimRow, only: string): ClaimRow {
  const [id, type, seq, sent, attemptsMax, input, links] = row;
  const counts = sent === null ? FIRST_ATTEMPT : sent.split(' ');
  return {
    id,
    token: counts[0] as string,
    type: type ?? only,
    rank: Number(counts[4]),
    seq,
    attempt: Number(counts[1]),
    attempts_max: attemptsMax ?? ATTEMPTS_USUAL,
    crashes: Number(counts[2]),
    snoozes: Number(counts[3]),
    timeout_ms: counts[5] ?? null,
    input,
    links: links === null ? null : linksIn(links),
    trace: links?.[3],
  };
}

const FIRST_ATTEMPT: readonly string[] = ['1', '1', '0', '0', '0'];

/** A traced job may have none. */
function linksIn([parent, pool, limitKey]: NonNullable<SentClaimRow[6]>): JobLinks | null {
  return (parent ?? pool ?? limitKey) === null ? null : [parent, pool, limitKey];
}
