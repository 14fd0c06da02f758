// A module that exports alerts, for commands: its channel is the server at SLACK_URL.
import { defineAlerts, slackChannel } from '../../../src/index.ts';

export default defineAlerts({
  channels: { ops: slackChannel({ url: process.env['SLACK_URL'] ?? 'http://127.0.0.1:9/hush' }) },
  rules: [
    { kind: 'findings', for: '0s' },
    { kind: 'oldest', over: '15m' },
  ],
  interval: '1s',
});
