/** Long requests: how many long polls and streams are open at once, so that they cannot use up the process. */
import { unstuckError } from '../../domain/errors.ts';

const RETRY_S = 5;

/** Counts long requests from their beginning to the end of their answers. */
export class LongRequests {
  #max: number;
  #open = 0;
  #by = new Map<string, number>();

  /** `max`: of all together; one name may have half of them. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Runs one; throws RATE_LIMITED when there are too many. An answer that streams is given up when `signal` says that its client has gone: not every server does that. */
  async run<T>(name: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const leave = this.#enter(name);
    try {
      const answer = await work();
      if (!(answer instanceof Response) || answer.body === null) {
        leave();
        return answer;
      }
      const { status, headers } = answer;
      return new Response(whenEnded(answer.body, leave, signal), { status, headers }) as T;
    } catch (error) {
      leave();
      throw error;
    }
  }

  #enter(name: string): () => void {
    const own = this.#by.get(name) ?? 0;
    if (this.#open >= this.#max || own >= Math.ceil(this.#max / 2))
      throw unstuckError(
        'RATE_LIMITED',
        `Expected at most ${this.#max} long requests at once, ${Math.ceil(this.#max / 2)} of one name, got more. Try again in ${RETRY_S} s.`,
        { detail: { retryAfterS: RETRY_S } },
      );
    this.#open += 1;
    this.#by.set(name, own + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#open -= 1;
      const rest = (this.#by.get(name) ?? 1) - 1;
      if (rest === 0) this.#by.delete(name);
      else this.#by.set(name, rest);
    };
  }
}

/** The same stream; `ended` is called when it is read to its end, given up, or broken. */
function whenEnded(
  body: ReadableStream<Uint8Array>,
  ended: () => void,
  signal: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const giveUp = (): void => {
    ended();
    reader.cancel().catch(() => undefined);
  };
  if (signal?.aborted === true) giveUp();
  else signal?.addEventListener('abort', giveUp, { once: true });
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          ended();
          controller.close();
        } catch (error) {
          ended();
          controller.error(error);
        }
      },
      cancel: async (reason) => {
        ended();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
