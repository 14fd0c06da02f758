// Reads a stream of server-sent events as a browser does, by the text that comes over the wire.

/** One event. */
export interface Received {
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A stream that is being read. */
export interface Reading {
  readonly response: Response;
  /** Everything that has come, comments too. */
  text(): string;
  /** The events that have come. */
  events(): Received[];
  /** Resolves with the first event that fits; rejects when the stream ends before. */
  next(fits: (event: Received) => boolean): Promise<Received>;
  /** Resolves when the stream has ended, with whether it was cut. */
  readonly ended: Promise<'closed' | 'cut'>;
  /** Goes away, as a closed tab does. */
  leave(): void;
}

/** Opens a stream and goes on reading it. */
export async function readStream(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Reading> {
  const gone = new AbortController();
  const response = await fetch(url, { headers, signal: gone.signal });
  return reading(response, () => gone.abort());
}

/** Reads the body of an answer. */
export function reading(response: Response, leave: () => void = () => undefined): Reading {
  let text = '';
  let over = false;
  let heard = (): void => undefined;
  const read = async (): Promise<'closed' | 'cut'> => {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        text += decoder.decode(chunk, { stream: true });
        heard();
      }
      return 'closed';
    } catch {
      return 'cut';
    } finally {
      over = true;
      heard();
    }
  };
  const ended = read();
  const events = (): Received[] => parse(text);
  return {
    response,
    text: () => text,
    events,
    ended,
    leave,
    next: async (fits) => {
      for (;;) {
        const found = events().find(fits);
        if (found !== undefined) return found;
        if (over) throw new Error(`The stream has ended. It said:\n${text}`);
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
      }
    },
  };
}

function parse(text: string): Received[] {
  return text
    .split('\n\n')
    .slice(0, -1)
    .flatMap((block) => {
      const fields = Object.fromEntries(
        block
          .split('\n')
          .filter((line) => !line.startsWith(':'))
          .map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
      );
      const { id = '', event, data = '{}' } = fields;
      return event === undefined ? [] : [{ id, event, data: JSON.parse(data) }];
    });
}
