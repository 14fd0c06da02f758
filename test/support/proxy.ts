// A TCP proxy in front of PostgreSQL that breaks connections in the ways in which networks do.
import {
  type AddressInfo,
  createServer,
  type Server,
  type Socket,
  connect as tcpConnect,
} from 'node:net';

/** One connection through the proxy, and how it is broken. */
interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** Nothing is forwarded any more, and neither side is told. */
  hole: boolean;
  /** The next bytes from the server are dropped and the connection reset. */
  cutting: boolean;
}

/** Stands between a client and a server; everything passes until a method says otherwise. */
export class TcpProxy {
  /** Address of the database through the proxy. */
  readonly url: string;
  /** How many replies were cut. */
  cut = 0;
  #server: Server;
  #links = new Set<Link>();
  #delayMs = 0;
  #refusing = false;
  #cutAfter: Buffer | undefined;
  #cutsLeft = 0;
  #held: { readonly text: Buffer; readonly arrived: () => void } | undefined;
  #letGo: () => void = () => undefined;

  private constructor(server: Server, target: URL) {
    this.#server = server;
    const own = new URL(target);
    own.hostname = '127.0.0.1';
    own.port = `${(server.address() as AddressInfo).port}`;
    this.url = own.href;
    server.on('connection', (client) => this.#join(client, target));
  }

  /** Listens on a free port in front of the server of this address. */
  static async start(url: string): Promise<TcpProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    return new TcpProxy(server, new URL(url));
  }

  /** Connections that are open now, half-open ones included. */
  get connections(): number {
    return this.#links.size;
  }

  /** Resets every connection on both sides; returns how many. */
  reset(): number {
    return this.#each((link) => this.#break(link));
  }

  /** Makes every connection half-open: it stays, and nothing arrives. New ones pass. Returns how many. */
  blackHole(): number {
    return this.#each((link) => {
      link.hole = true;
      link.client.pause();
      link.server.pause();
    });
  }

  /** Delays what passes from now on by so many milliseconds in each direction. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Refuses new connections, or takes them again. */
  refuse(refusing: boolean): void {
    this.#refusing = refusing;
  }

  /**
   * Lets the next `count` messages of clients that contain `text` through and forwards nothing of the server's reply: what they asked for
   * was done, and nobody heard of it.
   */
  cutReplyTo(text: string, count = 1): void {
    this.#cutAfter = Buffer.from(text);
    this.#cutsLeft = count;
  }

  /** Holds back the next message of a client that contains `text` until `letGo`; resolves when there is one. */
  holdBack(text: string): Promise<void> {
    return new Promise((arrived) => {
      this.#held = { text: Buffer.from(text), arrived };
    });
  }

  /** Lets the message that is held back pass. */
  letGo(): void {
    this.#letGo();
  }

  /** Ends every connection and stops listening. */
  async close(): Promise<void> {
    this.reset();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(client: Socket, target: URL): void {
    if (this.#refusing) return void client.resetAndDestroy();
    const server = tcpConnect({ host: target.hostname, port: Number(target.port), noDelay: true });
    client.setNoDelay(true);
    const link: Link = { client, server, hole: false, cutting: false };
    this.#links.add(link);
    client.on('data', (bytes) => this.#ask(link, bytes));
    server.on('data', (bytes) => this.#answer(link, bytes));
    for (const socket of [client, server]) {
      socket.on('error', () => this.#break(link));
      socket.on('close', () => this.#close(link));
    }
  }

  #ask(link: Link, bytes: Buffer): void {
    if (this.#cutsLeft > 0 && this.#cutAfter !== undefined && bytes.includes(this.#cutAfter)) {
      this.#cutsLeft -= 1;
      link.cutting = true;
    }
    const held = this.#held;
    if (held !== undefined && bytes.includes(held.text)) {
      this.#held = undefined;
      this.#letGo = () => this.#pass(link, link.server, bytes);
      return held.arrived();
    }
    this.#pass(link, link.server, bytes);
  }

  #answer(link: Link, bytes: Buffer): void {
    if (!link.cutting) return this.#pass(link, link.client, bytes);
    this.cut += 1;
    this.#break(link);
  }

  #pass(link: Link, to: Socket, bytes: Buffer): void {
    const write = (): void => {
      if (!link.hole && !to.destroyed) to.write(bytes);
    };
    if (this.#delayMs === 0) write();
    else setTimeout(write, this.#delayMs);
  }

  #break(link: Link): void {
    this.#links.delete(link);
    link.client.resetAndDestroy();
    link.server.resetAndDestroy();
  }

  /** A half-open connection stays so: the side that is left is not told. */
  #close(link: Link): void {
    if (link.hole && !(link.client.destroyed && link.server.destroyed)) return;
    this.#links.delete(link);
    link.client.destroy();
    link.server.destroy();
  }

  #each(act: (link: Link) => void): number {
    const links = [...this.#links];
    for (const link of links) act(link);
    return links.length;
  }
}
