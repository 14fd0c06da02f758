// The table of the application: the episodes that are published.
import type { ClientBase } from 'pg';
import { Fail } from 'unstuck';

/** A published episode. */
export interface Episode {
  readonly id: string;
  readonly title: string;
  /** The last part of its address at the assembler. */
  readonly file: string;
  readonly samples: number;
  readonly seconds: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** Beside the schema of Unstuck, and not among the tables of whoever tries this out on a database of theirs. */
export const EPISODES = 'unstuck_examples_podcast.episodes';

/** What an application has in a migration of its own; here the first episode makes it. The lock keeps two first ones apart. */
const TABLE = `
  select pg_advisory_xact_lock(hashtext('${EPISODES}'));
  create schema if not exists unstuck_examples_podcast;
  create table if not exists ${EPISODES} (
    id uuid primary key, title text not null, file text not null unique, samples bigint not null, seconds float8 not null, bytes bigint not null,
    sha256 text not null, published_at timestamptz not null default now())`;

/** Publishes an episode. Fails for good with the code `EPISODE_PUBLISHED` when it is published already: another attempt would find the same row. */
export async function publish(tx: ClientBase, episode: Episode): Promise<Episode> {
  const { id, title, file, samples, seconds, bytes, sha256 } = episode;
  await tx.query(TABLE);
  const { rowCount } = await tx.query(
    `insert into ${EPISODES} (id, title, file, samples, seconds, bytes, sha256) values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do nothing`,
    [id, title, file, samples, seconds, bytes, sha256],
  );
  if (rowCount === 1) return episode;
  throw new Fail(`The episode ${id} is published already.`, { code: 'EPISODE_PUBLISHED' });
}
