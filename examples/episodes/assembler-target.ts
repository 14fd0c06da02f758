// Where episodes are assembled: what this application knows of the remote worker.
import { defineTarget, type TargetDefinition, type TargetOptions } from 'unstuck';

/** How often the assembler is asked, whether it is back and what became of a job. */
type Patience = Pick<TargetOptions, 'probe' | 'silence'>;

/** Whoever tries this out does not want to wait a minute. */
export const IN_A_HURRY: Patience = { probe: { every: '5s' }, silence: '2s' };

/** Signs what is sent there. The one that stands here is only good between two processes of one machine, for trying it out. */
export const assemblerSecret: string =
  process.env['ASSEMBLER_SECRET'] ??
  `whsec_${Buffer.from('for trying it out on one machine').toString('base64')}`;

/** The assembler at an address. While it is down it is asked every minute for an hour, then every ten minutes, unless its patience says otherwise. */
export function assemblerAt(address: string, patience: Patience = {}): TargetDefinition {
  return defineTarget({
    name: 'assembler',
    url: `${address}/jobs`,
    health: `${address}/healthz`,
    status: `${address}/jobs/{id}/{token}`,
    secret: assemblerSecret,
    ...patience,
  });
}
