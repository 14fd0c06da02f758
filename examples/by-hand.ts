// What a person does in psql: a statement on the tables, past everything that Unstuck would have done.
import { type AnyJob, defineJob, type Unstuck } from 'unstuck';
import { z } from 'zod';

/** Never among the jobs of `npm start`: whoever could enqueue it could do anything. */
const byHand: AnyJob = defineJob({
  type: 'examples-by-hand',
  input: z.object({ text: z.string(), values: z.array(z.json()) }),
  retry: { attempts: 1 },
  run: (job) =>
    job.transaction(async (tx) => {
      const { rowCount } = await tx.query(job.input.text, job.input.values);
      return rowCount;
    }),
});

/** Runs a statement in which `$schema` stands for the schema of the installation; resolves with how many rows it touched. */
export async function changeByHand(
  unstuck: Unstuck,
  text: string,
  values: readonly unknown[],
): Promise<number> {
  const worker = await unstuck.work([byHand]);
  try {
    const named = text.replaceAll('$schema', `"${unstuck.config.schema}"`);
    const { id } = await unstuck.enqueue(byHand, { text: named, values });
    const { result, error } = await unstuck.wait(id, { timeout: '30s' });
    if (error !== null) throw new Error(error.message);
    return result as number;
  } finally {
    await worker.stop();
  }
}
