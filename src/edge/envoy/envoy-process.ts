import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import { type AdminAddress, askAdmin, type HostStatus, parseClusters, parseStats } from './admin.ts';
import type { LogTail } from './log-tail.ts';

export type EnvoyExit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

const POLL_MS = 25;
const QUOTED_LINES = 12;
const KILL_AFTER_MS = 5000;

/** A running Envoy. Every question rejects with LOADLINE_ENVOY_FAILED once the process is gone. */
export class EnvoyProcess {
  readonly pid: number;
  readonly admin: AdminAddress;
  /** Resolves when the process has ended, for whatever reason. */
  readonly exited: Promise<EnvoyExit>;
  readonly #child: ChildProcess;
  readonly #log: LogTail;

  constructor(child: ChildProcess, admin: AdminAddress, exited: Promise<EnvoyExit>, log: LogTail) {
    this.#child = child;
    this.#log = log;
    this.pid = child.pid as number;
    this.admin = admin;
    this.exited = exited;
  }

  /** `http://127.0.0.1:41234`, or `unix:PATH`. */
  get adminUrl(): string {
    return this.admin.startsWith('/') || this.admin.startsWith('@') ? `unix:${this.admin}` : `http://${this.admin}`;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The last lines of Envoy's log. */
  log(lines: number = QUOTED_LINES): readonly string[] {
    return this.#log.last(lines);
  }

  /** Waits until Envoy says LIVE: its first configuration is complete, or its fetch time-outs are over. */
  async ready(timeoutMs: number): Promise<void> {
    let state = 'silent';
    for (let waited = 0; waited <= timeoutMs; waited += POLL_MS) {
      this.#demandRunning('before it was ready');
      const answer = await askAdmin(this.admin, '/ready').catch(() => undefined);
      if (answer?.status === 200) return;
      state = answer?.body.trim() ?? state;
      await sleep(POLL_MS);
    }
    throw this.failure(`Envoy ${this.pid} is not ready after ${timeoutMs} ms (${state})`);
  }

  /** Counters and gauges whose name matches `filter` (RE2) and that were used; histograms are left out. */
  async stats(filter: string): Promise<Readonly<Record<string, number>>> {
    return parseStats(await this.#get(`/stats?usedonly&filter=${encodeURIComponent(filter)}`));
  }

  async clusters(): Promise<Readonly<Record<string, readonly HostStatus[]>>> {
    return parseClusters(await this.#get('/clusters?format=json'));
  }

  /** The whole `/config_dump`, endpoints included. */
  async configDump(): Promise<JsonObject> {
    return JSON.parse(await this.#get('/config_dump?include_eds')) as JsonObject;
  }

  /** `/runtime`: the value that counts, by key. */
  async runtime(): Promise<Readonly<Record<string, string>>> {
    const page = JSON.parse(await this.#get('/runtime')) as { entries?: Record<string, { final_value: string }> };
    return Object.fromEntries(Object.entries(page.entries ?? {}).map(([key, entry]) => [key, entry.final_value]));
  }

  /**
   * Ends it. With `drainMs`, listeners first tell their clients to go and open requests may finish for so long; then
   * SIGTERM, and SIGKILL when that is not obeyed within `killAfterMs`.
   */
  async stop(options: { readonly drainMs?: number; readonly killAfterMs?: number } = {}): Promise<EnvoyExit> {
    if (this.running && options.drainMs !== undefined) await this.#drain(options.drainMs);
    if (this.running) this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), options.killAfterMs ?? KILL_AFTER_MS);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  /** SIGKILL: what happens to a sidecar that runs out of memory. */
  kill(): Promise<EnvoyExit> {
    this.#child.kill('SIGKILL');
    return this.exited;
  }

  failure(message: string, cause?: unknown): LoadlineError {
    const lines = this.log();
    const quoted = lines.length === 0 ? '' : `; its last log lines:\n${lines.map((line) => `  ${line}`).join('\n')}`;
    return new LoadlineError('LOADLINE_ENVOY_FAILED', `${message}${quoted}`, cause);
  }

  async #drain(drainMs: number): Promise<void> {
    await askAdmin(this.admin, '/drain_listeners?graceful&skip_exit', 'POST');
    for (let waited = 0; waited < drainMs && this.running; waited += 4 * POLL_MS) {
      const active = await this.stats('^http\\..*\\.downstream_rq_active$');
      if (Object.values(active).every((value) => value === 0)) return;
      await sleep(4 * POLL_MS);
    }
  }

  async #get(path: string): Promise<string> {
    this.#demandRunning(`and cannot be asked for ${path}`);
    const { status, body } = await askAdmin(this.admin, path);
    if (status !== 200) throw this.failure(`Envoy ${this.pid} answers ${status} to ${path}`);
    return body;
  }

  #demandRunning(when: string): void {
    if (this.running) return;
    const { exitCode, signalCode } = this.#child;
    throw this.failure(`Envoy ${this.pid} ended (${signalCode ?? `code ${exitCode}`}) ${when}`);
  }
}
