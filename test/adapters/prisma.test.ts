// A job in an interactive transaction of Prisma 7, whose client is generated here, offline.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { PrismaPg } from '@prisma/adapter-pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromPrisma } from '../../src/index.ts';
import type { PrismaTransaction } from '../../src/storage/caller-transaction.ts';
import { adapterLaws, type Library } from './support/adapter-laws.ts';

/** The part of a generated client that is used here; its file does not exist before the test runs. */
interface Client {
  $transaction<T>(work: (tx: PrismaTransaction) => Promise<T>): Promise<T>;
  $disconnect(): Promise<void>;
  $queryRawUnsafe(text: string, ...values: unknown[]): Promise<unknown>;
  $connect(): Promise<void>;
}
type ClientClass = new (options: { adapter: PrismaPg }) => Client;

const SCHEMA = `
generator client {
  provider = "prisma-client"
  output   = "./client"
}
datasource db {
  provider = "postgresql"
}
model Mine {
  n Int @id
}`;

let directory = '';
let PrismaClient: ClientClass;

// Under node_modules, which is ignored: the generated client must find @prisma/client from where it stands.
beforeAll(async () => {
  const parent = resolve('node_modules/.cache');
  await mkdir(parent, { recursive: true });
  directory = await mkdtemp(join(parent, 'unstuck-prisma-'));
  PrismaClient = await generate(directory);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('prisma over adapter-pg', () => adapterLaws(openPrisma));

test('the client itself is refused', async () => {
  const client = new PrismaClient({ adapter: new PrismaPg('postgres://nobody@127.0.0.1:1/none') });
  // @ts-expect-error the client can connect, a transaction cannot
  expect(() => fromPrisma(client)).toThrow('Expected the tx that $transaction gives');
  await client.$disconnect();
});

/** `/bin/true` stands in for an engine that Prisma would download and that generating does not need. */
async function generate(place: string): Promise<ClientClass> {
  const schema = join(place, 'schema.prisma');
  await writeFile(schema, SCHEMA);
  await promisify(execFile)(
    process.execPath,
    [resolve('node_modules/prisma/build/index.js'), 'generate', '--schema', schema],
    {
      env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', CHECKPOINT_DISABLE: '1' },
      timeout: 60_000,
    },
  );
  const url = pathToFileURL(join(place, 'client/client.ts')).href;
  return ((await import(url)) as { PrismaClient: ClientClass }).PrismaClient;
}

function openPrisma(url: string): Library {
  const client = new PrismaClient({ adapter: new PrismaPg(url) });
  return {
    transaction: (work) =>
      client.$transaction((tx) =>
        work({
          tx: fromPrisma(tx),
          query: async (text) =>
            (await tx.$queryRawUnsafe(text)) as readonly Record<string, unknown>[],
        }),
      ),
    close: () => client.$disconnect(),
  };
}
