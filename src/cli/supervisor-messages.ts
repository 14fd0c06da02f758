/** What a supervisor and the process that it supervises tell each other. */

/** To the supervised process: `stop` as on SIGTERM, `halt` as on a second one. */
export interface ToSupervised {
  readonly kind: 'stop' | 'halt';
}

/** From it: `ready` when it works, `replace` when it carries too many handlers that never returned. */
export interface FromSupervised {
  readonly kind: 'ready' | 'replace';
}

/** Tells the supervisor, if there is one. */
export function tellSupervisor(kind: FromSupervised['kind']): void {
  // A supervisor that is gone is noticed by `disconnect`; the error of this message adds nothing.
  if (process.connected) process.send?.({ kind } satisfies FromSupervised, () => undefined);
}
