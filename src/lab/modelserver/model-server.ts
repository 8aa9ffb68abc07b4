import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseDurationMs, type Random } from '../../base/units/index.ts';
import { BatchEngine } from './batch-engine.ts';
import { type Api, parseCompletionRequest } from './completion-request.ts';
import type { EngineEvent, EngineLoad, EngineRequest } from './engine-event.ts';
import { EngineMetrics } from './engine-metrics.ts';
import { answerError, Exchange } from './exchange.ts';
import type { Fault } from './fault.ts';
import { HttpListener } from './http-listener.ts';
import { MetricsPage } from './metrics-page.ts';
import { readBody } from './read-body.ts';
import type { ServerProfile } from './server-profile.ts';
import { Sleep } from './sleep.ts';

const BODY_LIMIT_BYTES = 8 * 1024 * 1024;
/** How long a failing server takes to say so: at once, but not in zero time. */
const FAIL_AFTER_MS = 5;

/** Clients send either of these; both take the same way through the engine. */
const APIS: Readonly<Record<string, Api>> = { '/v1/completions': 'Completion', '/v1/chat/completions': 'Chat' };

export type ServerState = 'Serving' | 'Frozen' | 'Cold' | 'Crashed';

/** Requests by what became of them. `issued` is the sum of all others and of those that are on their way. */
export type RequestCounts = {
  readonly issued: number;
  readonly finished: number;
  /** Answered with an error, or lost in a crash. */
  readonly errors: number;
  /** The client went away first. */
  readonly cancelled: number;
};

/** What the server needs from outside, so that its own code has neither clock nor dice. */
export type ServerSurroundings = {
  readonly address: string;
  readonly index: number;
  /** Milliseconds that never jump. */
  readonly now: () => number;
  /** Milliseconds since 1970, for what outsiders read: creation times and the start of the process. */
  readonly wallClock: () => number;
  readonly random: Random;
};

/** The HTTP shell of one engine: OpenAI's API, `/health`, `/metrics`, and the faults that concern it. */
export class ModelServer {
  readonly listener: HttpListener;
  readonly #profile: ServerProfile;
  readonly #surroundings: ServerSurroundings;
  readonly #engine: BatchEngine;
  readonly #exchanges = new Map<number, Exchange>();
  readonly #page: MetricsPage;
  readonly #counts = { issued: 0, finished: 0, errors: 0, cancelled: 0 };
  #metrics: EngineMetrics;
  #fault: Fault = {};
  #coldUntilMs = Number.NEGATIVE_INFINITY;
  readonly #sleep: Sleep;
  #crashed = false;
  #nextId = 1;
  #timer: NodeJS.Timeout | undefined;

  constructor(profile: ServerProfile, surroundings: ServerSurroundings) {
    this.#profile = profile;
    this.#surroundings = surroundings;
    this.#engine = new BatchEngine(profile, surroundings.now());
    this.#sleep = new Sleep(surroundings.now());
    this.#metrics = new EngineMetrics(profile, surroundings.wallClock());
    this.#page = new MetricsPage('text/plain; version=0.0.4; charset=utf-8', () => this.#metrics.page(this.load()));
    this.listener = new HttpListener(surroundings.address, (request, response) => this.#route(request, response));
  }

  get profile(): ServerProfile {
    return this.#profile;
  }

  get counts(): RequestCounts {
    return { ...this.#counts };
  }

  get state(): ServerState {
    if (this.#crashed) return 'Crashed';
    if (this.#surroundings.now() < this.#coldUntilMs) return 'Cold';
    return this.#fault.freeze === true ? 'Frozen' : 'Serving';
  }

  /** The fault in force; a cold start that is over is no longer part of it. */
  get fault(): Fault {
    const { coldStart, coldAfter } = this.#fault;
    if (coldStart === undefined || coldAfter !== undefined) return this.#fault;
    if (this.#surroundings.now() < this.#coldUntilMs) return this.#fault;
    const { coldStart: _over, ...rest } = this.#fault;
    return rest;
  }

  load(): EngineLoad {
    return this.#engine.load(this.#surroundings.now());
  }

  /** For the GPU: the integral of the occupied share of the batch. */
  occupiedMs(nowMs: number): number {
    return this.#engine.occupiedMs(nowMs);
  }

  get speed(): number {
    return this.#fault.speed ?? 1;
  }

  /** Replaces the fault in force. Resolves when the listener is closed or open as the fault says. */
  async setFault(fault: Fault): Promise<void> {
    const nowMs = this.#surroundings.now();
    const before = this.#fault;
    this.#fault = fault;
    this.#page.hostile = fault.metrics;
    const startMs = fault.coldStart === undefined ? 0 : (parseDurationMs(fault.coldStart) ?? 0);
    const afterMs = fault.coldAfter === undefined ? undefined : parseDurationMs(fault.coldAfter);
    this.#sleep.set(afterMs === undefined ? undefined : { afterMs, wakeMs: startMs });
    const coldMs = afterMs === undefined ? startMs : 0;
    this.#coldUntilMs = nowMs + coldMs;
    if (fault.crash === true) this.#loseAll(nowMs);
    this.#engine.setCondition(
      {
        speed: this.speed,
        foreignLoad: fault.foreignLoad ?? 0,
        frozen: fault.freeze === true,
        coldUntilMs: coldMs > 0 ? this.#coldUntilMs : undefined,
      },
      nowMs,
    );
    this.#pump();
    if (coldMs > 0 || (before.crash === true && fault.crash !== true)) {
      // A new process has new counters and a new start time.
      this.#metrics = new EngineMetrics(this.#profile, this.#surroundings.wallClock());
    }
    if (fault.crash === true) {
      this.#crashed = true;
      await this.listener.close();
    } else if (this.#crashed) {
      await this.listener.relisten(`model server ${this.#surroundings.index}`);
      this.#crashed = false;
    }
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#exchanges.clear();
    await this.listener.close();
  }

  #loseAll(nowMs: number): void {
    this.#engine.restart(nowMs);
    this.#counts.errors += this.#exchanges.size;
    const lost = [...this.#exchanges.values()];
    this.#exchanges.clear();
    for (const exchange of lost) exchange.cut();
  }

  #route(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '/').split('?')[0] as string;
    const api = Object.hasOwn(APIS, path) ? APIS[path] : undefined;
    const method = api === undefined ? 'GET' : 'POST';
    if (api === undefined && path !== '/metrics' && path !== '/health' && path !== '/v1/models') {
      answerError(response, 404, `There is no ${path} here.`);
    } else if (request.method !== method) {
      response.setHeader('allow', method);
      answerError(response, 405, `${path} takes ${method}.`);
    } else if (api !== undefined) {
      this.#complete(api, request, response);
    } else if (path === '/metrics') {
      this.#page.answer(response);
    } else if (path === '/health') {
      if (this.state === 'Cold') answerError(response, 503, 'The model is being loaded.');
      else response.writeHead(200).end();
    } else {
      const model = { id: this.#profile.model, object: 'model', created: 0, owned_by: 'loadline' };
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ object: 'list', data: [model] }));
    }
  }

  #complete(api: Api, request: IncomingMessage, response: ServerResponse): void {
    this.#counts.issued += 1;
    const fails = this.#fault.failRatio !== undefined && this.#surroundings.random() < this.#fault.failRatio;
    let id: number | undefined;
    let settled = false;
    // Runs in every case, and last: what was neither answered nor lost in a crash was cancelled by the client.
    response.on('close', () => {
      if (settled || (id !== undefined && !this.#exchanges.has(id))) return;
      // A request whose body was on its way when the server crashed has no exchange yet.
      if (this.#crashed) this.#counts.errors += 1;
      else this.#counts.cancelled += 1;
      if (id !== undefined) this.#cancel(id);
    });
    const refuse = (status: number, message: string, param: string | null = null): void => {
      if (response.destroyed) return;
      settled = true;
      this.#counts.errors += 1;
      answerError(response, status, message, param);
    };
    if (fails) {
      request.resume();
      setTimeout(() => refuse(503, 'The engine failed.'), FAIL_AFTER_MS);
      return;
    }
    readBody(request, BODY_LIMIT_BYTES).then(
      (body) => {
        if (response.destroyed) return;
        if (body === undefined) return refuse(413, `The body is longer than ${BODY_LIMIT_BYTES} bytes.`);
        const parsed = parseCompletionRequest(api, body, request.headers, this.#profile.model);
        if (!parsed.ok) return refuse(400, parsed.fault.message, parsed.fault.param);
        id = this.#nextId;
        this.#nextId += 1;
        const nowMs = this.#surroundings.now();
        this.#exchanges.set(
          id,
          new Exchange(parsed.value, response, {
            id,
            nowMs,
            wallClockMs: this.#surroundings.wallClock(),
            headers: this.#profile.headers,
            orcaFormat: String(request.headers['endpoint-load-metrics-format'] ?? ''),
          }),
        );
        const { promptTokens, outputTokens } = parsed.value;
        const run = { id, promptTokens, outputTokens };
        const wakeMs = this.#sleep.waitMs(nowMs);
        if (wakeMs > 0) setTimeout(() => this.#submit(run), wakeMs).unref();
        else this.#submit(run);
      },
      () => {
        // The client left before its body was complete: the close of the response has counted that.
      },
    );
  }

  /** To the engine, unless its client went away, or the server crashed, while it slept. */
  #submit(run: EngineRequest): void {
    if (!this.#exchanges.has(run.id)) return;
    this.#engine.submit(run, this.#surroundings.now());
    this.#pump();
  }

  #cancel(id: number): void {
    const exchange = this.#exchanges.get(id) as Exchange;
    const nowMs = this.#surroundings.now();
    this.#exchanges.delete(id);
    this.#engine.cancel(id, nowMs);
    if (this.state === 'Serving') this.#metrics.finished('abort', nowMs - exchange.arrivedMs);
    this.#pump();
  }

  /** Hands out what the engine has done until now and sleeps until it has more. */
  #pump(): void {
    const nowMs = this.#surroundings.now();
    for (const event of this.#engine.advance(nowMs)) {
      const exchange = this.#exchanges.get(event.id);
      if (exchange !== undefined) this.#dispatch(event, exchange);
    }
    clearTimeout(this.#timer);
    const nextMs = this.#engine.nextEventMs();
    this.#timer =
      nextMs === Number.POSITIVE_INFINITY
        ? undefined
        : setTimeout(() => this.#pump(), Math.min(2 ** 31 - 1, Math.max(0, Math.ceil(nextMs - nowMs))));
  }

  #dispatch(event: EngineEvent, exchange: Exchange): void {
    switch (event.kind) {
      case 'Accepted':
        exchange.accept(event.atMs);
        break;
      case 'Admitted':
        if (!exchange.admitted) this.#metrics.admitted(event.atMs - exchange.acceptedMs);
        exchange.admitted = true;
        break;
      case 'Tokens':
        if (exchange.lastTokensMs === undefined) this.#metrics.firstToken(event.atMs - exchange.arrivedMs);
        else this.#metrics.laterTokens(event.count, event.atMs - exchange.lastTokensMs);
        exchange.lastTokensMs = event.atMs;
        exchange.tokens(event.count);
        break;
      case 'Finished':
        this.#exchanges.delete(event.id);
        this.#sleep.worked(event.atMs);
        this.#counts.finished += 1;
        this.#metrics.finished('length', event.atMs - exchange.arrivedMs);
        exchange.finish(() => this.load());
        break;
      case 'Rejected':
        this.#exchanges.delete(event.id);
        this.#counts.errors += 1;
        if (event.reason === 'QueueFull') exchange.fail(this.#profile.queueFullStatus, 'The queue is full.');
        else exchange.fail(400, 'Prompt and output together are longer than the KV cache of this server.');
        break;
      case 'Preempted':
        break;
    }
  }
}
