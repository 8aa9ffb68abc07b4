import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';
import type { Pieces } from './byte-kinds.ts';
import type { CallCase } from './call-kinds.ts';
import { type Dealt, Dice } from './dice.ts';

/** Connections at a time, and calls at a time on each that is shared. */
const CONNECTIONS = 40;
const SHARED_CONNECTIONS = 4;
const CALLS_PER_CONNECTION = 25;
/** How long a connection is left open to see what the server does with it. */
const LINGER_MS = 20;
/** Node's own client refuses its calls when more than 10 MiB wait to be sent. */
const SESSION_MEMORY_MIB = 1000;
const LIMIT_MS = 15_000;

/** Plays each on a connection of its own. */
export async function playBytes(port: number, cases: Iterator<Dealt<Pieces>>): Promise<number> {
  let played = 0;
  const lane = async (): Promise<void> => {
    for (let next = cases.next(); next.done !== true; next = cases.next()) {
      await playPieces(port, next.value.what, new Dice(next.value.index));
      played += 1;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
  return played;
}

/** Plays calls over connections that they share; returns what ended otherwise than it may. */
export async function playCalls(
  port: number,
  cases: Iterator<Dealt<CallCase>>,
): Promise<{ played: number; wrong: string[] }> {
  const wrong: string[] = [];
  let played = 0;
  let session: ClientHttp2Session;
  const one = async (over: ClientHttp2Session, { name, index, what }: Dealt<CallCase>): Promise<void> => {
    const end = await playCall(over, what);
    played += 1;
    if (what.ending !== 'Reset' && !what.ends.includes(end)) wrong.push(`${name} (${index}) ${what.path}: ${end}`);
  };
  const lane = async (): Promise<void> => {
    for (;;) {
      const batch: Dealt<CallCase>[] = [];
      for (let next = cases.next(); next.done !== true; next = cases.next()) {
        batch.push(next.value);
        if (batch.length === CALLS_PER_CONNECTION) break;
      }
      if (batch.length === 0) return;
      session = connectHttp2(`http://127.0.0.1:${port}`, { maxSessionMemory: SESSION_MEMORY_MIB });
      session.on('error', () => undefined);
      const over = session;
      await Promise.all(batch.map((dealt) => one(over, dealt)));
      over.destroy();
    }
  };
  await Promise.all(Array.from({ length: SHARED_CONNECTIONS }, lane));
  return { played, wrong };
}

function playPieces(port: number, pieces: Pieces, dice: Dice): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const ending = dice.pick(['end', 'reset', 'linger'] as const);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(late);
      resolve();
    });
    const late = setTimeout(() => socket.destroy(), LINGER_MS);
    // One in four never reads what the server says.
    if (dice.chance(0.75)) socket.resume();
    socket.on('connect', () => {
      for (const piece of pieces) socket.write(piece);
      if (ending === 'end') socket.end();
      if (ending === 'reset') setImmediate(() => socket.resetAndDestroy());
    });
  });
}

/** A status, `http 405`, or what else became of the call. */
async function playCall(session: ClientHttp2Session, what: CallCase): Promise<string> {
  const headers = { ':method': 'POST', ':path': what.path, 'content-type': 'application/grpc', te: 'trailers' };
  const stream = session.request({ ...headers, ...what.headers }, { endStream: false });
  let end = 'no answer';
  const heard = (came: { readonly [name: string]: unknown }): void => {
    if (came[':status'] !== undefined && came[':status'] !== 200) end = `http ${came[':status']}`;
    else if (came['grpc-status'] !== undefined) end = String(came['grpc-status']);
    if (end !== 'no answer' && !stream.writableEnded) stream.end();
  };
  stream.on('response', heard);
  stream.on('trailers', heard);
  stream.on('error', () => undefined);
  stream.resume();
  const over = new Promise<void>((resolve) => {
    const late = setTimeout(() => {
      end = `not over within ${LIMIT_MS} ms`;
      stream.destroy();
    }, LIMIT_MS);
    stream.on('close', () => {
      clearTimeout(late);
      resolve();
    });
  });
  for (const chunk of what.chunks) {
    if (stream.destroyed || stream.writableEnded) break;
    stream.write(chunk);
    if (what.slow === true) await new Promise((resolve) => setImmediate(resolve));
  }
  if (what.ending === 'Reset') setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), 2);
  else if (what.ending === 'HalfClose' && !stream.writableEnded) stream.end();
  await over;
  return end;
}
