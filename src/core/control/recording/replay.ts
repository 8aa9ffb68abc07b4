import { own } from '../../../base/units/index.ts';
import type { Operation } from '../../operations/index.ts';
import { formatIssue, loadPolicy, type Policy } from '../../policy/index.ts';
import type { EndpointSet } from '../../topology/index.ts';
import type { ServiceDecision } from '../../weights/index.ts';
import { type ControlState, INITIAL_STATE, tick } from '../tick.ts';
import { ServiceComparer, type ServiceComparison } from './compare.ts';
import type { RecordedState, RecordingLine } from './recording.ts';
import { ungroupSamples } from './sample-groups.ts';

/** Another policy than the recorded ones, and the endpoints that it lists. */
export type OtherPolicy = { readonly policy: Policy; readonly endpointSets: readonly EndpointSet[] };

export type ReplayReport = {
  readonly ticks: number;
  readonly startMs: number | null;
  readonly endMs: number | null;
  /** Ticks that the recording lost: the recorder could not keep up with the disk. */
  readonly lostTicks: number;
  /** What a reader of the figures should know. */
  readonly notes: readonly string[];
  readonly services: readonly ServiceComparison[];
};

/**
 * Feeds a recording, line by line, through the same tick that the server runs. With another policy the recorded load stays
 * what it was: the replay answers "what would have been decided on this load", not "how would the load have answered".
 */
export class Replay {
  readonly #other: OtherPolicy | undefined;
  readonly #services = new Map<string, ServiceComparer>();
  readonly #notes: string[] = [];
  #state: ControlState = INITIAL_STATE;
  #headed = false;
  #policy: Policy | undefined;
  #sets: readonly EndpointSet[] | undefined;
  #operations: readonly Operation[] = [];
  #ticks = 0;
  #lost = 0;
  #startMs: number | null = null;
  #endMs: number | null = null;

  constructor(other?: OtherPolicy) {
    this.#other = other;
    this.#policy = other?.policy;
    this.#sets = other?.endpointSets;
  }

  /** @returns what is wrong with the line where it stands; undefined when it was taken. */
  take(line: RecordingLine, lineNumber: number): string | undefined {
    if (!this.#headed) {
      if (line.kind !== 'Header') return `expected the Header of a recording, got a ${line.kind} line`;
      this.#headed = true;
      return undefined;
    }
    switch (line.kind) {
      case 'Header':
        return 'expected one Header, at the start of the file';
      case 'Policy':
        return this.#takePolicy(line);
      case 'Endpoints':
        if (this.#other === undefined) this.#sets = line.sets;
        return undefined;
      case 'State':
        return this.#takeState(line.state);
      case 'Gap':
        this.#lost += line.ticks;
        return undefined;
      case 'Tick':
        return this.#takeTick(line, lineNumber);
    }
  }

  /** The decisions of the last tick. */
  get decisions(): Readonly<Record<string, ServiceDecision>> {
    return this.#state.plan?.decisions ?? {};
  }

  report(): ReplayReport {
    return {
      ticks: this.#ticks,
      startMs: this.#startMs,
      endMs: this.#endMs,
      lostTicks: this.#lost,
      notes: this.#notes,
      services: [...this.#services.values()].map((one) => one.result()),
    };
  }

  #takePolicy({ revision, files }: Extract<RecordingLine, { kind: 'Policy' }>): string | undefined {
    if (this.#other !== undefined) return undefined;
    const read = loadPolicy(files);
    if (!read.ok) return `the recorded policy is refused today: ${read.issues.map(formatIssue).join('; ')}`;
    if (read.value.revision !== revision)
      this.#notes.push(
        `the recorded policy ${revision} means ${read.value.revision} today: a default changed since, or a secret was left out`,
      );
    this.#policy = read.value;
    return undefined;
  }

  /** Another policy goes on from its own decisions: the recorded ones after a gap are not its doing. */
  #takeState({ plan, ...state }: RecordedState): string | undefined {
    if (this.#other !== undefined && this.#ticks > 0) return undefined;
    if (this.#policy === undefined) return 'expected a Policy line before the State';
    this.#state = { ...state, plan: plan === undefined ? undefined : { ...plan, policy: this.#policy } };
    for (const [name, decision] of Object.entries(plan?.decisions ?? {}))
      this.#comparer(name).startFrom(decision, decision);
    return undefined;
  }

  #takeTick(line: Extract<RecordingLine, { kind: 'Tick' }>, lineNumber: number): string | undefined {
    if (this.#policy === undefined || this.#sets === undefined)
      return 'expected a Policy and an Endpoints line before the first Tick';
    const { nowMs, samples, reports, presence, deliveries, answers, perturbations, operations, decisions } = line;
    this.#operations = operations ?? this.#operations;
    const out = tick(this.#state, {
      nowMs,
      policy: this.#policy,
      endpointSets: this.#sets,
      samples: ungroupSamples(samples),
      reports,
      presence,
      ...(deliveries === undefined ? {} : { deliveries }),
      ...(answers === undefined ? {} : { answers }),
      ...(perturbations === undefined ? {} : { perturbations }),
      operations: this.#operations,
    });
    this.#state = out.state;
    this.#ticks += 1;
    this.#startMs ??= nowMs;
    this.#endMs = nowMs;
    const where = { line: lineNumber, tick: this.#ticks, atMs: nowMs };
    for (const name of new Set([...Object.keys(decisions), ...Object.keys(out.plan.decisions)]))
      this.#comparer(name).take(own(decisions, name), own(out.plan.decisions, name), where);
    return undefined;
  }

  #comparer(service: string): ServiceComparer {
    const known = this.#services.get(service) ?? new ServiceComparer(service);
    this.#services.set(service, known);
    return known;
  }
}
