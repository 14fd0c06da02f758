/** How a call over HTTP can fail: stable codes, how far it got, and a sentence for a person that gives nothing of the call away. */

/**
 * `refused`: it was not tried. `connect`: name, TCP or TLS, so the request was certainly not received. `answer`: it may have been received, and done.
 */
export type HttpFailurePhase = 'refused' | 'connect' | 'answer';

/** What is said of each failure; the keys are stable. */
const WORDS = {
  URL_INVALID: 'the address is not an http: or https: URL without user and password',
  HEADER_INVALID: 'a header cannot be sent',
  ADDRESS_REFUSED:
    'the host leads to an address that is not public, and no rule allows to call it; if it is meant, allow its network or its name by privateAddresses (UNSTUCK_PRIVATE_ADDRESSES)',
  DNS_FAILED: 'the name of the host was not found',
  CONNECT_REFUSED: 'nobody accepts connections there',
  CONNECT_FAILED: 'no connection could be made',
  CONNECT_TIMEOUT: 'there was no connection in time',
  TLS_FAILED: 'TLS could not be agreed on, or the certificate is not trusted',
  RESET: 'the connection ended before the answer did',
  ANSWER_TIMEOUT: 'the answer was not complete in time',
  ANSWER_TOO_LARGE: 'the answer is larger than allowed',
  ANSWER_INVALID: 'the answer is not HTTP',
  ABORTED: 'the call was given up',
} as const;

/** A stable code of a failure. */
export type HttpFailureCode = keyof typeof WORDS;

/** A call without a whole answer. */
export interface HttpFailure {
  readonly kind: 'failed';
  readonly phase: HttpFailurePhase;
  readonly code: HttpFailureCode;
  /** For a person: names host and port, and nothing else of the call. */
  readonly message: string;
  /** Whether it went over a connection that had served a call before, which the other side may have closed meanwhile (N6). */
  readonly reused: boolean;
  /** From the start of the call, on the monotonic clock. */
  readonly ms: number;
}

/** How far a connection got: its name is resolved and TCP not there yet, TCP is there and TLS is not, or requests can be sent. */
export type Reach = 'nothing' | 'tcp' | 'ready';

/** Writes the message of a failure: to which host and port (undefined when even these cannot be read), and why. */
export function failureMessage(
  code: HttpFailureCode,
  host: string | undefined,
  detail?: string,
): string {
  const text = `${host ?? 'The call'}: ${WORDS[code]}`;
  return detail === undefined ? `${text}.` : `${text} (${detail}).`;
}

/** Names the failure behind an error of Node, by how far the connection had got. */
export function failureCode(error: unknown, reach: Reach): HttpFailureCode {
  const code = nodeCode(error) ?? '';
  if (code === 'ADDRESS_REFUSED') return code;
  if (reach === 'ready') {
    if (code === 'HPE_HEADER_OVERFLOW') return 'ANSWER_TOO_LARGE';
    return code.startsWith('HPE_') ? 'ANSWER_INVALID' : 'RESET';
  }
  if (reach === 'tcp') return 'TLS_FAILED';
  if (code === 'ECONNREFUSED') return 'CONNECT_REFUSED';
  if (code === 'ETIMEDOUT') return 'CONNECT_TIMEOUT';
  return isOfDns(error) ? 'DNS_FAILED' : 'CONNECT_FAILED';
}

/** The code that Node gave an error, such as `ECONNREFUSED`: it names what happened and nothing of the call. */
export function nodeCode(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return typeof code === 'string' && /^[A-Z][A-Z\d_]{1,60}$/.test(code) ? code : undefined;
}

function isOfDns(error: unknown): boolean {
  const { syscall } = error as { readonly syscall?: unknown };
  return syscall === 'getaddrinfo' || /^(?:ENOTFOUND|ENODATA|EAI_)/.test(nodeCode(error) ?? '');
}
