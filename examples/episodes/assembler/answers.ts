// What the assembler answers: to jobs that are sent, to questions about them, and to whoever wants a file.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import type { Callback, Order } from './orders.ts';
import { RecipeError } from './segments.ts';
import type { Sent, Workshop } from './workshop.ts';

const BODY_BYTES_MAX = 1_048_576;
const ID = /^[0-9a-f-]{36}$/;
const TOKEN = /^[1-9]\d{0,18}$/;

/** Answers one request. */
export async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  workshop: Workshop,
  secret: string,
): Promise<void> {
  const [first, second, third] = new URL(request.url ?? '/', 'http://assembler').pathname
    .slice(1)
    .split('/');
  const text = await bodyOf(request);
  const signed = (id: string): boolean => isSigned(secret, id, text ?? '', request);
  if (text === undefined) json(response, 413, { error: 'Expected at most 1 MiB.' });
  else if (request.method === 'POST' && first === 'jobs' && second === undefined)
    await takeJob(response, text, workshop, signed);
  else if (request.method !== 'GET') json(response, 404, { error: 'There is nothing here.' });
  else if (first === 'healthz') json(response, 200, { status: 'ok' });
  else if (first === 'jobs') tellOf(response, `${second}`, `${third}`, workshop, signed);
  else if (first === 'episodes') await sendFile(response, `${second}`, workshop.files);
  else json(response, 404, { error: 'There is nothing here.' });
}

async function takeJob(
  response: ServerResponse,
  text: string,
  workshop: Workshop,
  signed: (id: string) => boolean,
): Promise<void> {
  const sent = sentOf(text);
  if (sent === undefined) return json(response, 400, { error: 'Expected a job as JSON.' });
  if (!signed(`${sent.id}.${sent.token}`))
    return json(response, 401, { error: 'Expected a signature of this job.' });
  try {
    const order = await workshop.take(sent);
    if (order === undefined)
      return json(response, 409, { error: 'A later attempt of this job was sent before.' });
    // Accepted means that it is kept: whoever kills this process now finds it worked on by the next one.
    json(response, order.state === 'accepted' ? 202 : 200, standing(order, workshop));
  } catch (error) {
    if (!(error instanceof RecipeError)) throw error;
    json(response, 422, { error: error.message });
  }
}

function tellOf(
  response: ServerResponse,
  id: string,
  token: string,
  workshop: Workshop,
  signed: (id: string) => boolean,
): void {
  if (!signed(`${id}.${token}.status`))
    return json(response, 401, { error: 'Expected a signature of this question.' });
  const order = workshop.get(id);
  if (order?.token === token) json(response, 200, standing(order, workshop));
  else json(response, 404, { id, token, status: 'unknown' });
}

function standing(order: Order, workshop: Workshop): Record<string, unknown> {
  const { id, token, state, result, error } = order;
  if (state === 'completed') return { id, token, status: state, result };
  if (state === 'failed') return { id, token, status: state, error, retry: false };
  return { id, token, status: state, ...workshop.progressOf(id) };
}

async function sendFile(response: ServerResponse, name: string, directory: string): Promise<void> {
  const [id, ending] = [name.slice(0, -4), name.slice(-4)];
  const path = join(directory, `${id}.wav`);
  const known =
    ID.test(id) && ending === '.wav' ? await stat(path).catch(() => undefined) : undefined;
  if (known === undefined) return json(response, 404, { error: 'There is no such episode.' });
  response.writeHead(200, { 'content-type': 'audio/wav', 'content-length': known.size });
  createReadStream(path)
    .on('error', () => response.destroy())
    .pipe(response);
}

/** Undefined when it is larger than it may be. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes <= BODY_BYTES_MAX) parts.push(part);
  }
  return bytes <= BODY_BYTES_MAX ? Buffer.concat(parts).toString('utf8') : undefined;
}

function sentOf(text: string): Sent | undefined {
  try {
    const { id, token, input, callback } = JSON.parse(text) as Record<string, unknown>;
    if (typeof id !== 'string' || !ID.test(id)) return undefined;
    if (typeof token !== 'string' || !TOKEN.test(token)) return undefined;
    return { id, token, input, callback: (callback ?? null) as Callback | null };
  } catch {
    return undefined;
  }
}

/** The signature must be of this very id: that of another request would not do. */
function isSigned(secret: string, id: string, text: string, { headers }: IncomingMessage): boolean {
  try {
    new Webhook(secret).verify(text, headers as Record<string, string>);
    return headers['webhook-id'] === id;
  } catch {
    return false;
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
