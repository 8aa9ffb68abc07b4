import type { ModelService, Policy, TrafficClass } from '../policy/index.ts';
import { isOpen } from './daily-window.ts';
import type { Ladder, Rung } from './ladder.ts';

const ENTER_AT = 1;
const LEAVE_AT = 0.8;
const NO_LADDER: Ladder = { rungs: [], early: 0, enterAt: ENTER_AT, leaveAt: LEAVE_AT };

/** Of services none of whose classes has a window: then the ladder is the same all day, and every tick asks for it. */
const lasting = new WeakMap<ModelService, { readonly policy: Policy; readonly ladder: Ladder }>();

/**
 * The ladder of a service: first the classes whose window is closed, which are welcome below the knee alone; then those with
 * `shed: First` that its own actions do not name; then these actions. Without any there is none.
 */
export function ladderOf(service: ModelService, policy: Policy, nowMs: number): Ladder {
  const known = lasting.get(service);
  if (known?.policy === policy) return known.ladder;
  const all = classesOf(service, policy);
  // What is shed goes by the name of the class: another group's class of that name would be shed with it.
  const never = new Set(namesOf(all.filter(({ shed }) => shed === 'Never')));
  const classes = all.filter(({ name }) => !never.has(name));
  const ladder = ladderFor(service, classes, nowMs);
  if (classes.every(({ window }) => window === undefined)) lasting.set(service, { policy, ladder });
  return ladder;
}

function ladderFor({ overload }: ModelService, classes: readonly TrafficClass[], nowMs: number): Ladder {
  const named = new Set(overload?.actions.map((action) => action.class));
  const closed = namesOf(classes.filter(({ window }) => window !== undefined && !isOpen(window, nowMs)));
  const first = namesOf(classes.filter(({ name, shed }) => shed === 'First' && !named.has(name)));
  const rungs: readonly Rung[] = [
    ...[...closed, ...first.filter((name) => !closed.includes(name))].map((name) => ({ class: name, upToRatio: 1 })),
    ...(overload?.actions ?? []).map((action) => ({
      class: action.class,
      upToRatio: action.upToPercent / 100,
      ...(action.kind === 'Degrade' ? { toPool: action.toPool } : {}),
    })),
  ];
  if (rungs.length === 0) return NO_LADDER;
  const { enterAt = ENTER_AT, leaveAt = LEAVE_AT } = overload ?? {};
  return { rungs, early: closed.length, enterAt, leaveAt };
}

/** Those that clients of some group may choose for the service. */
function classesOf({ name: service }: ModelService, { groups, trafficClasses }: Policy): readonly TrafficClass[] {
  return groups.flatMap(({ modelServices, trafficClasses: chosen }) => {
    if (chosen === undefined || !modelServices.includes(service)) return [];
    const found = trafficClasses.find(({ name }) => name === chosen.use)?.classes ?? [];
    return found.filter(({ name }) => chosen.allow.includes(name));
  });
}

function namesOf(classes: readonly TrafficClass[]): readonly string[] {
  return [...new Set(classes.map(({ name }) => name))];
}
