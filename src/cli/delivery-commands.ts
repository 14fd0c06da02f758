/** The commands about deliveries. */
import { Option } from 'commander';
import { PURPOSES, STATES_OF_DELIVERY } from '../domain/delivery.ts';
import { type Add, toInteger } from './add-command.ts';

/** Adds the commands of `delivery`. */
export function addDeliveries(add: Add): void {
  const look = async () => await import('./delivery-look.ts');
  add(
    'list',
    'who was, or is to be, told what, newest first',
    async () => (await look()).deliveryList,
  )
    .option('--job <id>', 'only of the ends of this job')
    .addOption(new Option('--state <state>', 'only in this state').choices(STATES_OF_DELIVERY))
    .addOption(new Option('--purpose <purpose>', 'only for this purpose').choices(PURPOSES))
    .option('--limit <n>', '1 to 1000 (default 50)', toInteger)
    .option('--after <next>', 'go on where a page before ended');
  add('show <id>', 'one delivery', async () => (await look()).deliveryShow);
  add(
    'retry <id>',
    'send a delivery that failed once more, under the same id',
    async () => (await look()).deliveryRetry,
  ).option('--reason <text>', 'why; kept in the history of the job');
}
