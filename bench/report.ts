// Renders results that were measured before: npm run report -- [FILE.jsonl …] [--to DIRECTORY]
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeReport } from './report/write-report.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { to: { type: 'string' } },
});
const given =
  positionals.length > 0
    ? positionals
    : [fileURLToPath(new URL('results/run.jsonl', import.meta.url))];
const written = await writeReport(given, values.to ?? dirname(given[0] ?? '.'));
for (const file of written) console.log(file);
