// A process that makes one call to the address it is given, and ends by itself, without closing anything.
import { HttpCaller } from '../../../src/std/http-call.ts';

const answer = await new HttpCaller({ privateAddresses: 'allow' }).call({
  url: process.argv[2] ?? '',
  method: 'GET',
  connectMs: 2_000,
  totalMs: 10_000,
  bytesMax: 1_000,
});
process.stdout.write(JSON.stringify(answer));
