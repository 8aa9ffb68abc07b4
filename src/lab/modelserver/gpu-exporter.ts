import { parseDurationMs } from '../../base/units/index.ts';
import type { Fault } from './fault.ts';
import { GpuMeter } from './gpu-meter.ts';
import { gpuIdentity, gpuPage } from './gpu-page.ts';
import { HttpListener } from './http-listener.ts';
import { MetricsPage } from './metrics-page.ts';
import type { ModelServer } from './model-server.ts';

/**
 * The GPU exporter that stands beside one model server. It is a process of its own, as dcgm-exporter is: it goes on
 * when the server crashes, and it collects on its own clock however often it is asked.
 */
export class GpuExporter {
  readonly listener: HttpListener;
  readonly #server: ModelServer;
  readonly #now: () => number;
  readonly #meter: GpuMeter;
  readonly #page: MetricsPage;
  #fault: Fault = {};
  #periodMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(server: ModelServer, address: string, index: number, now: () => number) {
    this.#server = server;
    this.#now = now;
    this.#meter = new GpuMeter(server.profile, now());
    this.#periodMs = server.profile.gpuPeriodMs;
    const identity = gpuIdentity(index);
    // Go's HTTP server finds out the type itself, so there is no version in it.
    this.#page = new MetricsPage('text/plain; charset=utf-8', () =>
      gpuPage(server.profile, identity, this.#meter.reading, {
        xid: this.#fault.gpuXid ?? 0,
        throttled: this.#fault.gpuThrottle === true,
      }),
    );
    this.listener = new HttpListener(address, (request, response) => {
      const path = (request.url ?? '/').split('?')[0];
      if (path === '/metrics') this.#page.answer(response);
      else if (path === '/health') response.writeHead(200).end('OK');
      else response.writeHead(404).end('/metrics and /health\n');
    });
  }

  start(): void {
    this.#restartTimer();
  }

  /** A change of mode or period restarts the exporter: it collects at once, then with the new period. */
  setFault(fault: Fault): void {
    const before = this.#fault;
    this.#fault = fault;
    this.#page.hostile = fault.gpuMetrics;
    if (before.gpu === fault.gpu && before.gpuPeriod === fault.gpuPeriod) return;
    this.#periodMs =
      (fault.gpuPeriod === undefined ? undefined : parseDurationMs(fault.gpuPeriod)) ??
      this.#server.profile.gpuPeriodMs;
    this.#collect();
    this.#restartTimer();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.listener.close();
  }

  #restartTimer(): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#collect(), this.#periodMs);
  }

  #collect(): void {
    const nowMs = this.#now();
    this.#meter.collect(nowMs, this.#server.occupiedMs(nowMs), {
      mode: this.#fault.gpu ?? this.#server.profile.gpuMode,
      speed: this.#server.speed,
      loaded: this.#server.state !== 'Crashed',
    });
  }
}
