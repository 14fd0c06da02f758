// Takes a safeguard out of the statements of a worker process, so that a test can show that it would notice.
import { claimDurably, claimJobs, finishAndClaim } from '../../src/sql/claim.ts';
import { deferJobs, findAccepted, finishJobs } from '../../src/sql/settle.ts';
import { type Names, raw, type Statement } from '../../src/sql/sql.ts';

const FENCE = 'and j.worker_id = $1 and j.token = wanted.token';

/** What each mutant replaces, and in which statements. */
const MUTANTS = {
  /** Any attempt may end a job, whoever holds it now. */
  'no-fence': {
    from: FENCE,
    to: 'and $1::uuid is not null', // Every parameter of a statement must be named in it.
    in: [finishJobs, finishAndClaim, deferJobs],
  },
  /** A worker's older attempt may end its newer one. */
  'no-token': {
    from: 'and j.token = wanted.token',
    to: '',
    in: [finishJobs, finishAndClaim, deferJobs],
  },
  /** Batches lock their rows in the order in which they were given. */
  'unordered-batch': { from: 'order by g.id', to: '', in: [finishJobs, deferJobs] },
  /** An end whose reply was lost is taken for refused. */
  'skip-read-back': { from: 'where', to: 'where false and', in: [], also: 'read-back' },
  /** A worker that was declared dead goes on claiming. */
  'dead-claims': {
    from: `and w.state = 'live' and w.lease_until > "unstuck".clock()`,
    to: '',
    in: [claimJobs, claimDurably, finishAndClaim],
  },
} as const;

/** The name of a mutant. */
export type Mutant = keyof typeof MUTANTS;

/** Builds the text of a statement with the safeguard taken out. Throws when it is not there: then the mutant would prove nothing. */
export function mutated(statement: Statement<unknown>, mutant: Mutant, names: Names): string {
  return without(statement.build(names).text, mutant, statement.name);
}

/** Takes the safeguard out of this process, before it connects; returns how to put it back. */
export function mutate(mutant: Mutant): () => void {
  const targets: readonly Statement<unknown>[] =
    mutant === 'skip-read-back' ? [findAccepted] : MUTANTS[mutant].in;
  const undo = targets.map((target) => {
    const build = target.build.bind(target);
    const change = (own: Statement<unknown>['build']): void =>
      void Object.assign(target, { build: own });
    change((names) =>
      raw(
        mutant === 'skip-read-back'
          ? `select id::text from (${build(names).text}) as f where false`
          : without(build(names).text, mutant, target.name),
      ),
    );
    return () => change(build);
  });
  return () => {
    for (const put of undo) put();
  };
}

function without(text: string, mutant: Mutant, name: string): string {
  const { from, to } = MUTANTS[mutant];
  if (!text.includes(from)) throw new Error(`${name} has no ${JSON.stringify(from)} to take out.`);
  const rest = text.replace(from, to);
  // What ends an attempt also compares tokens within its batch.
  return mutant === 'no-fence' || mutant === 'no-token'
    ? rest.replaceAll('and e.token = g.token', '')
    : rest;
}
