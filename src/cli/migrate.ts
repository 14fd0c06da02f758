/** `unstuck migrate`: brings the schema up to date, or prints the SQL that would. */
import { parseConfig } from '../domain/options.ts';
import { printMigrations } from '../storage/migrator.ts';
import { Unstuck } from '../unstuck.ts';
import { EXIT } from './exit-codes.ts';
import { openScreen } from './screen.ts';
import { connectOptions, type Globals, refuseServer } from './session.ts';

/** Runs the command. */
export async function migrate(options: Globals & { readonly print?: boolean }): Promise<number> {
  refuseServer(options, 'migrate');
  const screen = openScreen(options.output);
  if (options.print === true) {
    const { schema } = parseConfig({ schema: options.schema }, process.env);
    process.stdout.write(printMigrations(schema));
    return EXIT.ok;
  }
  const unstuck = await Unstuck.connect({ ...connectOptions(options, 'error'), migrate: true });
  try {
    const { migrated, config, address } = unstuck;
    if (screen.json) screen.value({ schema: config.schema, applied: migrated });
    else if (screen.tty) screen.line(inWords(config.schema, address, migrated));
    else for (const name of migrated) screen.line(name);
    return EXIT.ok;
  } finally {
    await unstuck.close();
  }
}

function inWords(schema: string, address: string, applied: readonly string[]): string {
  const where = `Schema ${schema} in ${address}`;
  if (applied.length === 0) return `${where} is up to date.`;
  return `${where}: applied ${applied.join(', ')}. It is up to date.`;
}
