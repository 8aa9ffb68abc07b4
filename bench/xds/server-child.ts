import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { end, track } from './children.ts';
import { within } from './clock.ts';
import type { TlsFiles } from './messages.ts';
import { cpuMsOf, rssKibOf } from './process-usage.ts';
import { type Shape, shapeText } from './shape.ts';

const START_LIMIT_MS = 20_000;
const ANSWER_LIMIT_MS = 20_000;
const KEPT_ERROR_CHARACTERS = 2000;

export type ServerName = 'loadline' | 'linear' | 'snapshot';

/** How each server is started; a peer that could not be built is missing. */
export type Commands = Partial<Record<ServerName, readonly string[]>>;

/** A server under test: a process that listens on a free port and obeys lines on its standard input. */
export interface ServerChild {
  readonly name: ServerName;
  readonly port: number;
  /** Asks for the change and does not wait for it. */
  change(change: number): void;
  /** Event-loop lag since the reading before, p99; undefined for a server that has no event loop. */
  lagP99Ms(): Promise<number | undefined>;
  cpuMs(): number;
  rssKib(): number;
  stop(): Promise<void>;
}

/** @throws Error with the server's last words when it does not get ready. */
export async function startServer(
  name: ServerName,
  commands: Commands,
  shape: Shape,
  tls: TlsFiles | undefined,
): Promise<ServerChild> {
  const [command = '', ...prefix] = commands[name] ?? [];
  const secure = tls === undefined ? [] : ['-cert', tls.cert, '-key', tls.key, '-ca', tls.ca];
  const child = track(spawn(command, [...prefix, '-shape', shapeText(shape), ...secure], { stdio: 'pipe' }));
  let lastWords = '';
  child.stderr.on('data', (text) => {
    lastWords = (lastWords + text).slice(-KEPT_ERROR_CHARACTERS);
  });
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`${name} ended (${code ?? signal}): ${lastWords.trim()}`)));
  });
  ended.catch(() => undefined);
  child.stdin.on('error', () => undefined);

  const waiting = new Map<string, (rest: string[]) => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [word = '', ...rest] = line.split(' ');
    waiting.get(word)?.(rest);
  });
  const answer = (word: string, limitMs: number): Promise<string[]> => {
    const came = new Promise<string[]>((resolve) => waiting.set(word, resolve));
    return within(limitMs, `'${word}' from ${name}`, Promise.race([came, ended]));
  };
  try {
    const [port] = await answer('ready', START_LIMIT_MS);
    const pid = child.pid as number;
    return {
      name,
      port: Number(port),
      change: (change) => child.stdin.write(`change ${change}\n`),
      lagP99Ms: async () => {
        if (name !== 'loadline') return undefined;
        const lag = answer('lag', ANSWER_LIMIT_MS);
        child.stdin.write('lag\n');
        return Number((await lag)[0]);
      },
      cpuMs: () => cpuMsOf(pid),
      rssKib: () => rssKibOf(pid),
      stop: () => end(child),
    };
  } catch (error) {
    await end(child);
    throw error;
  }
}
