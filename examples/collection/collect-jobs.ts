// The job types of the queue `collection`: one of its jobs runs at a time, whichever type it is, in all processes together.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  defineJob,
  defineQueue,
  type JobDefinition,
  type QueueDefinition,
  type RunningJob,
} from 'unstuck';
import { z } from 'zod';
import { listFiles, ROOT, readText, type TextFile } from './checkout.ts';
import { countDocument, type DocumentFacts, sumDocuments } from './documents.ts';
import { fault, rehearse } from './faults.ts';
import { type PackageFacts, readLock } from './packages.ts';
import { countSource, type SourceFacts, sumSources } from './sources.ts';

/** The collections: they share the disk and whoever is watched by them, so they run one at a time. */
export const collection: QueueDefinition = defineQueue({
  name: 'collection',
  limit: { running: 1 },
});

const directoryInput = z.strictObject({
  /** From the root of the checkout: `src`. */
  directory: z.string().regex(/^[\w.-]+(\/[\w.-]+)*$/, 'Expected a directory such as src.'),
  /** Rehearses trouble; see `faults.ts`. */
  rehearse: fault.optional(),
});

/** What to collect from a directory. */
export type DirectoryInput = z.infer<typeof directoryInput>;

const packagesInput = z.strictObject({ rehearse: fault.optional() });

/** What to collect from the lock file. */
export type PackagesInput = z.infer<typeof packagesInput>;

/** Counts the lines of the TypeScript sources of a directory. The disk may be busy: three attempts. */
export const collectSources: JobDefinition<DirectoryInput, DirectoryInput, SourceFacts> = defineJob(
  {
    type: 'collect-sources',
    queue: collection,
    input: directoryInput,
    timeout: '1m',
    retry: { attempts: 3, backoff: 'fixed', base: '200ms' },
    run: async (job) => sumSources(await collect(job, '.ts', countSource)),
  },
);

/** Counts the words of the documents of a directory, and finds links that lead nowhere. Its timeout is that of its worker. */
export const collectDocuments: JobDefinition<DirectoryInput, DirectoryInput, DocumentFacts> =
  defineJob({
    type: 'collect-documents',
    queue: collection,
    input: directoryInput,
    retry: { attempts: 1 },
    run: async (job) =>
      sumDocuments(
        await collect(job, '.md', (file) =>
          countDocument(file, (path) => existsSync(join(ROOT, path))),
        ),
      ),
  });

/** Counts packages and licences in the lock file: one local file, so one second and one attempt are enough. */
export const collectPackages: JobDefinition<PackagesInput, PackagesInput, PackageFacts> = defineJob(
  {
    type: 'collect-packages',
    queue: collection,
    input: packagesInput,
    timeout: '1s',
    retry: { attempts: 1 },
    run: async (job) => {
      await rehearse(job);
      return readLock((await readText(ROOT, 'package-lock.json')).text);
    },
  },
);

/** Counts one file after the other; between two of them it may be cancelled, and says how far it is. */
async function collect<Count>(
  job: RunningJob<DirectoryInput>,
  ending: string,
  count: (file: TextFile) => Count,
): Promise<Count[]> {
  await rehearse(job);
  const paths = await listFiles(ROOT, job.input.directory, ending);
  const counts: Count[] = [];
  for (const [index, path] of paths.entries()) {
    job.signal.throwIfAborted();
    counts.push(count(await readText(ROOT, path)));
    job.progress(0.5 + ((index + 1) / paths.length) * 0.5, path);
  }
  return counts;
}
