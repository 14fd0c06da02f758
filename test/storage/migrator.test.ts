// The laws of migrations: once, all or nothing, in one order for all processes, and never a guess about another version.
import { randomBytes } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { MIGRATIONS, SCHEMA_NUMBER } from '../../src/sql/migrations/index.ts';
import { migrate, printMigrations } from '../../src/storage/migrator.ts';
import { eventually, job, type Setup, setup } from '../support/unstuck.ts';

const applied = (query: Setup['query'], schema: string): Promise<{ number: number }[]> =>
  query(`select number from ${schema}.migrations order by number`);

const exists = async (query: Setup['query'], schema: string): Promise<boolean> =>
  (await query('select where to_regnamespace($1) is not null', [schema])).length === 1;

test('the migrations are numbered from 1 without a gap, and none needs a newer one than itself', () => {
  expect(MIGRATIONS.map((migration) => migration.number)).toEqual(
    MIGRATIONS.map((_, index) => index + 1),
  );
  for (const { number, needs } of MIGRATIONS) expect(needs).toBeLessThanOrEqual(number);
});

test('processes that migrate at once apply each migration once', async () => {
  const { connect, query } = await setup();
  await Promise.all(Array.from({ length: 4 }, () => connect({ schema: 'fresh' })));
  expect((await applied(query, 'fresh')).map((row) => row.number)).toEqual(
    MIGRATIONS.map((one) => one.number),
  );
});

test('migrating again changes nothing', async () => {
  const { database } = await setup();
  expect(await migrate(database())).toEqual([]);
});

test('H8: a migration that meets a lock tries again until it gets it', async () => {
  const { connect, session, query } = await setup();
  const other = await session();
  await other.query('begin');
  await other.query(
    `select pg_advisory_xact_lock(hashtext('unstuck migrate:' || 'fresh')::bigint)`,
  );
  const connecting = connect({ schema: 'fresh' });
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(await exists(query, 'fresh')).toBe(false);
  await other.query('commit');
  await connecting;
  expect(await applied(query, 'fresh')).toHaveLength(SCHEMA_NUMBER);
});

test('H8: a lock that stays is MIGRATION_BLOCKED, and nothing is half done', async () => {
  const { database, session, query } = await setup();
  const other = await session();
  await other.query('begin');
  await other.query(
    `select pg_advisory_xact_lock(hashtext('unstuck migrate:' || 'fresh')::bigint)`,
  );
  const bound = { tries: 3, lockMs: 100 };
  await expect(migrate(database({ schema: 'fresh' }), bound)).rejects.toMatchObject({
    code: 'MIGRATION_BLOCKED',
  });
  expect(await exists(query, 'fresh')).toBe(false);
});

test('a migration that fails leaves nothing of any', async () => {
  const { database, query } = await setup();
  await query('create schema fresh');
  await query('create table fresh.claims (mine int)');
  await expect(migrate(database({ schema: 'fresh' }))).rejects.toMatchObject({ code: '42P07' });
  expect(
    await query(
      `select relname from pg_class where relnamespace = 'fresh'::regnamespace and relkind = 'r'`,
    ),
  ).toEqual([{ relname: 'claims' }]);
  await query('drop table fresh.claims');
  expect(await migrate(database({ schema: 'fresh' }))).toHaveLength(SCHEMA_NUMBER);
});

test('H6: a newer schema is refused, and worked on when it says that our number is enough', async () => {
  const { connect, query } = await setup();
  await query(`insert into unstuck.migrations (number, name, needs) values ($1, 'future', $1)`, [
    SCHEMA_NUMBER + 1,
  ]);
  for (const migrating of [true, false])
    await expect(connect({ migrate: migrating })).rejects.toMatchObject({ code: 'SCHEMA_TOO_NEW' });
  await query('update unstuck.migrations set needs = $2 where number = $1', [
    SCHEMA_NUMBER + 1,
    SCHEMA_NUMBER,
  ]);
  for (const migrating of [true, false]) {
    const unstuck = await connect({ migrate: migrating });
    expect(await unstuck.enqueue('mail', 1)).toMatchObject({ created: true });
  }
});

test('H6: a worker whose schema becomes too new while it runs claims no more, and says so', async () => {
  const { unstuck, query, logged } = await setup({ lease: '1s' });
  const mail = job('mail', () => 1);
  await unstuck.work([mail]);
  await unstuck.wait((await unstuck.enqueue(mail, 1)).id);
  await query(`insert into unstuck.migrations (number, name, needs) values ($1, 'future', $1)`, [
    SCHEMA_NUMBER + 1,
  ]);
  expect((await logged('schema_too_new')).facts['error']).toMatchObject({ code: 'SCHEMA_TOO_NEW' });
  await eventually(async () => (await unstuck.status()).workers.length === 0, 'it signed off');
  const { id } = await unstuck.enqueue(mail, 2);
  expect(await unstuck.get(id)).toMatchObject({ state: 'queued', attempt: 0 });
});

test('H6: an older or missing schema is refused by name when migrating is switched off', async () => {
  const { connect, query } = await setup();
  await expect(connect({ schema: 'fresh', migrate: false })).rejects.toMatchObject({
    code: 'SCHEMA_MISSING',
  });
  expect(await exists(query, 'fresh')).toBe(false);
  await query('delete from unstuck.migrations where number = $1', [SCHEMA_NUMBER]);
  await expect(connect({ migrate: false })).rejects.toMatchObject({ code: 'SCHEMA_TOO_OLD' });
});

test('the printed migrations make the same schema as migrating does', async () => {
  const { connect, query, database } = await setup();
  await query(printMigrations('by_hand'));
  expect(await migrate(database({ schema: 'by_hand' }))).toEqual([]);
  const unstuck = await connect({ schema: 'by_hand', migrate: false });
  expect(await unstuck.enqueue('mail', 1)).toMatchObject({ created: true });
});

test('where migrating is switched off, a role that does not own the tables works, and is told who must make the partitions', async () => {
  const { connect, query, url, lines } = await setup();
  const role = `r_${randomBytes(6).toString('hex')}`;
  await query(`create role ${role} login password 'x'`);
  onTestFinished(async () => {
    await query(`drop owned by ${role}`);
    await query(`drop role ${role}`);
  });
  await query(`grant usage on schema unstuck to ${role}`);
  await query(`grant select, insert, update, delete on all tables in schema unstuck to ${role}`);
  await query(`grant usage on all sequences in schema unstuck to ${role}`);
  const [last] = await query<{ name: string }>(
    `select max(relname) as name from pg_class where relname ~ '^events_[0-9]{8}$'`,
  );
  await query(`drop table unstuck.${last?.name}`);
  const address = new URL(url);
  address.username = role;
  address.password = 'x';
  const unstuck = await connect({ database: address.href, migrate: false });
  expect(lines.find(({ event }) => event === 'partitions_forbidden')).toBeDefined();
  const mail = job('mail', () => 'sent');
  await unstuck.work([mail]);
  const { id } = await unstuck.enqueue(mail, 1);
  expect(await unstuck.wait(id)).toMatchObject({ state: 'completed' });
});
