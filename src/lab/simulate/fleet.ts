import type { Random } from '../../base/units/index.ts';
import { absentAtFirst } from './absent-at-first.ts';
import type { EventQueue } from './event-queue.ts';
import type { Autoscaler, Event, Scenario } from './scenario.ts';
import type { Host } from './sidecar/sidecar.ts';
import { type Observer, VirtualServer } from './virtual-server.ts';

/** An autoscaler leaves a fleet alone that is this near to its aim, and goes down only by what was too much for a minute. */
const TOLERANCE = 0.1;
const DOWN_AFTER_MS = 60_000;

/** 10.0.0.1, 10.0.0.2 … */
function madeUpAddress(index: number): string {
  const number = index + 1;
  return `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
}

/** The model servers, and which of them are there. */
export class Fleet {
  readonly servers: readonly VirtualServer[];
  readonly hosts: readonly Host[];
  readonly #queue: EventQueue;
  readonly #onMembers: () => void;
  readonly #there: boolean[];
  readonly #falseClocks = new Map<number, number>();
  readonly #falseThrottles = new Set<number>();
  readonly #frozen = new Set<number>();
  readonly #wanted: { readonly atMs: number; readonly count: number }[] = [];

  constructor(
    { servers, events, autoscaler, governance }: Scenario,
    options: {
      readonly queue: EventQueue;
      readonly observer: Observer;
      readonly random: Random;
      readonly onMembers: () => void;
    },
  ) {
    const { queue, observer, random, onMembers } = options;
    this.#queue = queue;
    this.#onMembers = onMembers;
    this.hosts = governance?.endpoints ?? servers.map((_, index) => ({ address: madeUpAddress(index), port: 8000 }));
    this.servers = servers.map(
      ({ profile }, index) => new VirtualServer(this.hosts[index] as Host, profile, { queue, observer, random }),
    );
    const absent = absentAtFirst(events);
    const least = autoscaler?.least ?? servers.length;
    this.#there = servers.map((_, index) => index < least && !absent.has(index));
  }

  isThere(index: number): boolean {
    return this.#there[index] === true;
  }

  isFrozen(index: number): boolean {
    return this.#frozen.has(index);
  }

  /** What the clock of its GPU says of its speed. */
  clockOf(index: number): number {
    return this.#server(index).speed * (this.#falseClocks.get(index) ?? 1);
  }

  /** Whether its GPU says that it is throttled. */
  isThrottled(index: number): boolean {
    return this.#server(index).speed < 1 || this.#falseThrottles.has(index);
  }

  happen(event: Exclude<Event, { readonly kind: 'SidecarRestart' }>, startMs: number): void {
    const server = this.#server(event.server);
    switch (event.kind) {
      case 'Condition':
        server.setCondition(event.change);
        break;
      case 'Sinkhole':
        server.setSinkhole(event.ratio);
        break;
      case 'Crash':
        server.crash(startMs + event.backAtMs);
        break;
      case 'ColdStart':
        server.setCondition({ coldUntilMs: this.#queue.nowMs + event.forMs });
        break;
      case 'FreezeMetrics':
        this.#frozen.add(event.server);
        if (event.untilMs !== undefined)
          this.#queue.at(startMs + event.untilMs, () => this.#frozen.delete(event.server));
        break;
      case 'FalseThrottle':
        this.#falseThrottles.add(event.server);
        break;
      case 'FalseClock':
        this.#falseClocks.set(event.server, event.ratio);
        break;
      case 'Join':
        this.#join(event.server, event.coldMs);
        break;
      case 'Leave':
        this.#leave(event.server);
        break;
    }
  }

  /** One look of the autoscaler: `desired = ceil(current * load / target)`, as Kubernetes' has it. */
  scale({ least, targetRatio, coldMs }: Autoscaler): void {
    const nowMs = this.#queue.nowMs;
    const there = this.servers.filter((_, index) => this.isThere(index));
    const load = there.reduce((sum, { pressure }) => sum + pressure, 0) / there.length;
    const ratio = load / targetRatio;
    const desired = Math.abs(ratio - 1) <= TOLERANCE ? there.length : Math.ceil(there.length * ratio);
    const wanted = Math.min(this.servers.length, Math.max(least, desired));
    this.#wanted.push({ atMs: nowMs, count: wanted });
    while ((this.#wanted[0]?.atMs ?? nowMs) < nowMs - DOWN_AFTER_MS) this.#wanted.shift();
    const most = Math.max(...this.#wanted.map(({ count }) => count));
    for (let index = 0; index < this.servers.length; index += 1) {
      if (index < wanted && !this.isThere(index)) this.#join(index, coldMs);
      else if (index >= most && this.isThere(index)) this.#leave(index);
    }
  }

  /** The fullest server's requests per slot over the mean of those that are there; undefined when all are idle. */
  imbalance(): number | undefined {
    const pressures = this.servers.filter((_, index) => this.isThere(index)).map(({ pressure }) => pressure);
    const mean = pressures.reduce((sum, one) => sum + one, 0) / pressures.length;
    return mean > 0 ? Math.max(...pressures) / mean : undefined;
  }

  #join(index: number, coldMs: number): void {
    if (coldMs > 0) this.#server(index).setCondition({ coldUntilMs: this.#queue.nowMs + coldMs });
    this.#there[index] = true;
    this.#onMembers();
  }

  #leave(index: number): void {
    this.#there[index] = false;
    this.#onMembers();
  }

  #server(index: number): VirtualServer {
    return this.servers[index] as VirtualServer;
  }
}
