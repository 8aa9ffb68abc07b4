import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BIN = join(import.meta.dirname, '../../bin/loadline.js');

/** A `loadline serve` process of a test, with the addresses that it found and everything that it logged. */
export class Serve {
  readonly data: string;
  readonly policies: string;
  xds = '127.0.0.1:0';
  admin = '127.0.0.1:0';
  http = '127.0.0.1:0';
  log = '';
  /** Another build than this checkout's, where a test asks for it. */
  bin: string = BIN;
  readonly #flags: readonly string[];
  readonly #security: readonly string[];
  readonly #owner: readonly string[];
  #child: ChildProcess | undefined;

  /**
   * @param policyText undefined: the store of the server owns the policies
   * @param security in place of `--dev`: the flags of mutual TLS
   */
  constructor(policyText: string | undefined, flags: readonly string[] = [], security: readonly string[] = ['--dev']) {
    this.#flags = flags;
    this.#security = security;
    this.data = mkdtempSync(join(tmpdir(), 'loadline-e2e-'));
    this.policies = join(this.data, 'policy.yaml');
    this.#owner = policyText === undefined ? [] : ['--policies', this.policies];
    if (policyText !== undefined) this.write(policyText);
  }

  write(policyText: string): void {
    writeFileSync(this.policies, policyText);
  }

  /** Starts (or restarts, on the same addresses) and waits until it says that it is ready. */
  async start(limitMs = 20_000): Promise<this> {
    const child = spawn(
      process.execPath,
      [
        this.bin,
        'serve',
        ...this.#security,
        ...this.#owner,
        '--data',
        join(this.data, 'data'),
        '--xds',
        this.xds,
        '--admin',
        this.admin,
        '--http',
        this.http,
        ...this.#flags,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#child = child;
    let text = '';
    const take = (chunk: Buffer): void => {
      text += chunk;
      this.log += chunk;
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    const deadline = Date.now() + limitMs;
    for (;;) {
      const ready = text.split('\n').find((line) => line.includes('"loadline is ready"'));
      if (ready !== undefined) {
        ({
          xds: this.xds,
          admin: this.admin,
          http: this.http,
        } = JSON.parse(ready) as { xds: string; admin: string; http: string });
        return this;
      }
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`serve ended (${child.exitCode ?? child.signalCode}):\n${text}`);
      if (Date.now() > deadline) {
        // The test that waits for it has nothing in hand yet that it could end.
        child.kill('SIGKILL');
        throw new Error(`serve is not ready after ${limitMs} ms:\n${text}`);
      }
      await sleep(20);
    }
  }

  get pid(): number {
    return this.#child?.pid as number;
  }

  /** Ends the process and waits until it is gone; returns its exit code. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const gone = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    const code = await gone;
    clearTimeout(late);
    return code;
  }

  async dispose(): Promise<void> {
    await this.end('SIGKILL');
    rmSync(this.data, { recursive: true, force: true });
  }

  async get(path: string): Promise<Response> {
    return fetch(`http://${this.http}${path}`);
  }

  async state(): Promise<State> {
    return (await (await this.get('/api/state')).json()) as State;
  }

  /** Sum of a counter or gauge over the series whose labels contain all of `labels`. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const page = await (await this.get('/metrics')).text();
    return page
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }
}

export type State = {
  readonly revision: string;
  readonly tick: number;
  readonly services: readonly {
    readonly name: string;
    readonly pools: readonly {
      readonly name: string;
      readonly endpoints: readonly {
        readonly id: string;
        readonly address: string;
        readonly port: number;
        readonly weight: number;
        readonly share: number;
        readonly issuedShare: number | null;
        readonly inFlight: number | null;
        readonly state: string;
        readonly reason: string;
      }[];
    }[];
  }[];
};

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Polls until the condition holds; throws with the words after the limit. */
export async function until(
  what: string,
  condition: () => Promise<boolean> | boolean,
  limitMs = 15_000,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    if (await condition()) return;
    if (Date.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(100);
  }
}
