import { own } from '../../base/units/index.ts';
import { conflictsOf, conflictWords, SIGNALS, type Signal } from '../load/index.ts';
import { levelWords } from '../overload/index.ts';
import type { EndpointId } from '../topology/index.ts';
import type { ControlState, TickOutput } from './tick.ts';

/** What an operator may ask about later: who was drained for its GPU and is back, which signal contradicts itself, what is shed. */
export type BeliefEvent = {
  readonly kind:
    | 'EndpointDrained'
    | 'EndpointReturned'
    | 'SignalConflict'
    | 'SignalAgrees'
    | 'RetriesCut'
    | 'RetriesBack'
    | 'OverloadLevel'
    | 'OverloadOver'
    | 'TierGivenUp'
    | 'TierReturns'
    | 'EndpointCold'
    | 'EndpointWarm'
    | 'PromptRefused';
  /** An endpoint, or a service. */
  readonly subject: EndpointId;
  readonly message: string;
};

/** What changed from one tick to the next; endpoints that came or went are no event here. */
export function beliefEvents(
  before: ControlState,
  { state, loads }: Pick<TickOutput, 'state' | 'loads'>,
): readonly BeliefEvent[] {
  const events: BeliefEvent[] = [
    ...retryEvents(before.plan?.retryCuts ?? [], state.plan?.retryCuts ?? []),
    ...overloadEvents(before.overload ?? {}, state.overload ?? {}),
    ...failoverEvents(before.failover ?? {}, state.failover ?? {}),
    ...warmthEvents(before.warmth ?? {}, state.warmth ?? {}),
  ];
  for (const [service, load] of Object.entries(state.load)) {
    const old = own(before.load, service)?.endpoints;
    if (old === undefined) continue;
    for (const [endpoint, now] of Object.entries(load.endpoints)) {
      const was = old[endpoint];
      if (was === undefined) continue;
      const drained = (was.drainedAtMs ?? null) !== null;
      if (!drained && now.drainedAtMs !== null) {
        const fault = loads[service]?.endpoints.find(({ id }) => id === endpoint)?.gpuFault?.words ?? 'a fatal XID';
        events.push({
          kind: 'EndpointDrained',
          subject: endpoint,
          message: `its GPU reported ${fault}: it gets no new requests`,
        });
      } else if (drained && now.drainedAtMs === null) {
        const message = 'its GPU is well again, or its server was started anew: it ramps up after its first completion';
        events.push({ kind: 'EndpointReturned', subject: endpoint, message });
      }
      const [then, conflicts] = [conflictsOf(was), conflictsOf(now)];
      if (then.length === 0 && conflicts.length === 0) continue;
      for (const signal of SIGNALS) {
        const turned = turnOf(then.includes(signal), conflicts.includes(signal));
        if (turned === undefined) continue;
        events.push({ kind: turned, subject: endpoint, message: `${signal} ${wordsOf(now, signal)}` });
      }
    }
  }
  return events;
}

function overloadEvents(
  before: NonNullable<ControlState['overload']>,
  now: NonNullable<ControlState['overload']>,
): BeliefEvent[] {
  return Object.entries(now).flatMap(([subject, overload]): readonly BeliefEvent[] => {
    if (overload.told === (own(before, subject)?.told ?? 0)) return [];
    return [{ kind: overload.told === 0 ? 'OverloadOver' : 'OverloadLevel', subject, message: levelWords(overload) }];
  });
}

function failoverEvents(
  before: NonNullable<ControlState['failover']>,
  now: NonNullable<ControlState['failover']>,
): BeliefEvent[] {
  return Object.entries(now).flatMap(([subject, { phase, reason: message }]): readonly BeliefEvent[] => {
    if (phase === (own(before, subject)?.phase ?? 'Home')) return [];
    if (phase === 'Away') return [{ kind: 'TierGivenUp', subject, message }];
    return phase === 'Returning' ? [{ kind: 'TierReturns', subject, message }] : [];
  });
}

/** That a server is warm is news only after it was cold. */
function warmthEvents(
  before: NonNullable<ControlState['warmth']>,
  now: NonNullable<ControlState['warmth']>,
): BeliefEvent[] {
  return Object.entries(now).flatMap(([service, state]) =>
    Object.entries(state).flatMap(([subject, { belief, refused, words: message }]): readonly BeliefEvent[] => {
      const was = own(own(before, service) ?? {}, subject);
      if (refused && was?.refused !== true) return [{ kind: 'PromptRefused', subject, message }];
      if (belief === (was?.belief ?? 'Unknown')) return [];
      if (belief === 'Cold') return [{ kind: 'EndpointCold', subject, message }];
      return belief === 'Warm' && was?.belief === 'Cold' ? [{ kind: 'EndpointWarm', subject, message }] : [];
    }),
  );
}

function retryEvents(before: readonly string[], now: readonly string[]): BeliefEvent[] {
  return [
    ...now
      .filter((service) => !before.includes(service))
      .map(
        (subject): BeliefEvent => ({
          kind: 'RetriesCut',
          subject,
          message: 'all of its servers fail: nothing is tried again',
        }),
      ),
    ...before
      .filter((service) => !now.includes(service))
      .map(
        (subject): BeliefEvent => ({
          kind: 'RetriesBack',
          subject,
          message: 'a server answers: retries are as the policy says',
        }),
      ),
  ];
}

function turnOf(then: boolean, now: boolean): 'SignalConflict' | 'SignalAgrees' | undefined {
  if (then === now) return undefined;
  return now ? 'SignalConflict' : 'SignalAgrees';
}

function wordsOf(memory: Parameters<typeof conflictWords>[0], signal: Signal): string {
  return conflictWords(memory, signal) ?? 'says what can be again';
}
