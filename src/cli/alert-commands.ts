/** The commands about alerts. */
import { type Add, collect, toInteger } from './add-command.ts';

/** Adds the commands of `alert`. */
export function addAlerts(add: Add): void {
  const look = async () => await import('./alert-look.ts');
  const change = async () => await import('./alert-change.ts');
  const define = async () => await import('./alert-definition.ts');
  add(
    'list',
    'list alerts, what fires first; exit code 8 when any fires',
    async () => (await look()).alertList,
  )
    .option('--state <state>', 'pending, firing or resolved; may be repeated', collect)
    .option('--rule <name>', 'of this rule only')
    .option('--limit <n>', '1 to 1000 (default 100)', toInteger);
  add(
    'show <id>',
    'one alert with everything that is known of it',
    async () => (await look()).alertShow,
  );
  add(
    'ack <id>',
    'somebody looks after an alert that fires: it is not told again, and still resolves',
    async () => (await change()).acknowledge,
  ).option('--reason <text>', 'why; kept with it and in the audit');
  add(
    'silence <id>',
    'let an alert tell nobody, for a time or until that is ended',
    async () => (await change()).silence,
  )
    .option('--for <duration>', 'how long, such as 2h (default: until it is ended)')
    .option('--reason <text>', 'why; kept with it and in the audit');
  add(
    'unsilence <id>',
    'end the silence of an alert',
    async () => (await change()).unsilence,
  ).option('--reason <text>', 'why; kept in the audit');
  add(
    'rules [modules...]',
    'the rules that modules export, or those of the server of --url',
    async () => (await define()).alertRules,
  );
  add(
    'channels [modules...]',
    'the channels that modules export, or those of the server of --url, without secrets',
    async () => (await define()).alertChannels,
  );
  add(
    'test <channel> [modules...]',
    'send a message by a channel, and say what its API said; exit code 1 when it was refused',
    async () => (await define()).alertTest,
  );
}
