import { type ChildProcess, spawn } from 'node:child_process';
import { freePort } from '../free-port.ts';
import { sleep, until } from '../serve.ts';
import type { LlamaServer } from './install-llama-server.ts';

/** One period of a server that is made slow: stopped for most of it. Short, so that it looks slow and not dead. */
const PERIOD_MS = 100;

/** A llama-server process of a test. */
export class RunningLlama {
  readonly port: number;
  readonly #child: ChildProcess;
  #speed = 1;
  #pulse: Promise<void> | undefined;
  #log = '';

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
    const take = (chunk: Buffer): void => {
      this.#log = (this.#log + chunk).slice(-4000);
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
  }

  static async start({ binary, model }: LlamaServer, slots: number): Promise<RunningLlama> {
    const port = await freePort();
    const where = ['--host', '127.0.0.1', '--port', String(port)];
    const size = ['--parallel', String(slots), '--ctx-size', String(slots * 2048), '--threads', '1'];
    const args = ['--model', model, ...where, ...size, '--metrics', '--offline'];
    const running = new RunningLlama(port, spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
    await until(
      'llama-server answers',
      async () => {
        if (running.#child.exitCode !== null) throw new Error(`llama-server ended:\n${running.#log}`);
        const answer = await fetch(running.url('/health')).catch(() => undefined);
        return answer?.status === 200;
      },
      30_000,
    );
    return running;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  async page(path: string): Promise<string> {
    return (await fetch(this.url(path))).text();
  }

  /** The share of the time in which the process may run; 1 heals it. */
  async setSpeed(speed: number): Promise<void> {
    this.#speed = speed;
    if (speed < 1) this.#pulse ??= this.#beat();
    else await this.#pulse;
  }

  async stop(): Promise<void> {
    await this.setSpeed(1);
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }

  async #beat(): Promise<void> {
    while (this.#speed < 1) {
      this.#child.kill('SIGSTOP');
      await sleep(PERIOD_MS * (1 - this.#speed));
      this.#child.kill('SIGCONT');
      await sleep(PERIOD_MS * this.#speed);
    }
    this.#pulse = undefined;
  }
}
