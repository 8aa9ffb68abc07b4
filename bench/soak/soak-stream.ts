import type { Random } from '../../src/base/units/index.ts';
import { CDS, EDS, RDS, scanResponse } from '../xds/discovery.ts';
import { fieldBytes } from '../xds/fields.ts';
import { GrpcStream, type GrpcStreamOwner } from '../xds/grpc-stream.ts';
import type { Tally } from './messages.ts';
import { answer, ask, headOf, PATHS, TYPES, type Variant } from './requests.ts';
import { MOST_CLUSTERS } from './world.ts';

/** At most; most live shorter, and some as long as their connections may. */
const LIFE_MS = 90_000;
const PAUSE_MS = 2000;
const STALL_MS = 5000;
const NACK_RATIO = 0.01;
const STALL_RATIO = 0.2;
/** Clients that come back under a name that the server has seen; the others are new to it. */
const RETURNING_RATIO = 0.5;
const NAMES = Array.from({ length: MOST_CLUSTERS }, (_, at) => `c-${at}`);

/** One place in the fleet: Envoy after Envoy connects, takes part for a while, perhaps stalls, and goes. */
export class SoakStream implements GrpcStreamOwner {
  readonly #port: number;
  readonly #place: number;
  readonly #random: Random;
  readonly #tally: Tally;
  #generation = 0;
  #variant: Variant = 'delta';
  #call: GrpcStream | undefined;
  /** Delta: name to version of each type, for the next connection. */
  #held = new Map<number, Map<string, string>>();

  constructor(port: number, place: number, random: Random, tally: Tally) {
    this.#port = port;
    this.#place = place;
    this.#random = random;
    this.#tally = tally;
  }

  connect(): void {
    this.#tally.connects += 1;
    if (this.#random() > RETURNING_RATIO) {
      this.#generation += 1;
      this.#variant = this.#random() < 0.5 ? 'delta' : 'sotw';
      this.#held = new Map();
    }
    const call = new GrpcStream({ port: this.#port, path: PATHS[this.#variant] }, this);
    this.#call = call;
    const node = Buffer.concat([
      fieldBytes(1, `envoy-${this.#place}-${this.#generation}`),
      fieldBytes(2, 'lab'),
      fieldBytes(6, 'envoy'),
    ]);
    for (const type of TYPES) {
      const held = this.#held.get(type);
      const asked = { type, names: namesOf(type), ...(held === undefined ? {} : { held }) };
      call.send(ask(this.#variant, asked, type === CDS ? node : undefined));
    }
    if (this.#random() < STALL_RATIO) this.#stallSoon(call);
    setTimeout(() => this.#leave(call), this.#random() ** 2 * LIFE_MS);
  }

  message(bytes: Buffer, start: number, end: number): void {
    this.#tally.responses += 1;
    const head = headOf(bytes, start, end);
    const refused = this.#random() < NACK_RATIO;
    if (refused) this.#tally.nacks += 1;
    else if (this.#variant === 'delta') this.#hold(bytes, start, end);
    this.#call?.send(answer(this.#variant, { ...head, refused }, namesOf(head.type)));
  }

  ended(reason: string): void {
    this.#tally.ended[reason] = (this.#tally.ended[reason] ?? 0) + 1;
    this.#comeBack();
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    const { type, resources } = scanResponse(bytes, start, end);
    const held = this.#held.get(type) ?? new Map<string, string>();
    for (const { name, version } of resources) held.set(name, version);
    this.#held.set(type, held);
  }

  #stallSoon(call: GrpcStream): void {
    setTimeout(() => {
      if (call !== this.#call) return;
      this.#tally.stalls += 1;
      call.stall();
      setTimeout(() => call.resume(), this.#random() * STALL_MS);
    }, this.#random() * STALL_MS);
  }

  #leave(call: GrpcStream): void {
    // The server may have ended it first.
    if (call !== this.#call) return;
    call.destroy();
    this.#comeBack();
  }

  #comeBack(): void {
    this.#call = undefined;
    setTimeout(() => this.connect(), this.#random() * PAUSE_MS);
  }
}

/** Clusters and listeners are asked for as a whole; assignments by all names that may exist. */
function namesOf(type: number): readonly string[] {
  return type === EDS ? NAMES : type === RDS ? ['r'] : [];
}
