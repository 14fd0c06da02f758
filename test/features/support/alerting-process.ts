// A process that only alerts, for tests that kill it: node alerting-process.ts '{"url":…,"slack":…}' prints "ready" when its loops run.
import { defineAlerts, slackChannel, Unstuck } from '../../../src/index.ts';

const { url, slack } = JSON.parse(process.argv[2] ?? '{}') as { url: string; slack: string };
const unstuck = await Unstuck.connect({ database: url, migrate: false, sweep: false });
unstuck.alerts.start(
  defineAlerts({
    channels: { ops: slackChannel({ url: slack }) },
    rules: [{ kind: 'findings', for: '0s' }],
    interval: '1s',
  }),
);
// When the test run is gone, so is the pipe: nobody else would end this process.
process.stdin.resume().once('close', () => process.exit(1));
process.stdout.write('ready\n');
