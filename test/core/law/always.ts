import type { LoadInput } from '../../../src/core/load/index.ts';
import { proportionalGain } from '../../../src/core/weights/gain.ts';
import { reasonsOf } from '../../../src/core/weights/index.ts';
import { type Memory, step, type Tick } from './pipeline.ts';

const PUSHES = ['First', 'Pushed', 'SnappedEqual', 'Membership', 'Single'];
const NEAR = 1e-9;

/**
 * What holds after every tick, whatever came in. Returns the promises that were broken, in words; plain code and not
 * `expect`, which would take longer than the law.
 */
export function broken(before: Memory, input: LoadInput, after: Tick): readonly string[] {
  return [
    ...numbers(after),
    ...weights(input, after),
    ...shares(input, after),
    ...pushes(before, input, after),
    ...beliefs(before, input, after),
    ...drains(before, input, after),
  ];
}

/** No number anywhere that JSON could not carry, and none that is not one. */
function numbers(after: Tick): readonly string[] {
  const found: string[] = [];
  const walk = (value: unknown, path: string): void => {
    if (typeof value === 'number' && !Number.isFinite(value)) found.push(`${path} is ${value}`);
    if (typeof value !== 'object' || value === null) return;
    for (const key of Object.keys(value)) walk((value as Record<string, unknown>)[key], `${path}.${key}`);
  };
  walk(after, 'tick');
  return found;
}

function weights({ endpoints }: LoadInput, { decision }: Tick): readonly string[] {
  const found: string[] = [];
  if (decision.endpoints.map(({ id }) => id).join() !== endpoints.map(({ id }) => id).join())
    found.push('a weight is missing, or there is one too many');
  for (const { id, weight } of decision.endpoints)
    if (!(Number.isInteger(weight) && weight >= 1 && weight <= 1000)) found.push(`the weight of ${id} is ${weight}`);
  const active = decision.endpoints.filter(({ health }) => health === 'Healthy');
  if (PUSHES.includes(decision.outcome) && active.length > 0 && !active.some(({ weight }) => weight === 1000))
    found.push(`none has the largest weight: ${active.map(({ weight }) => weight)}`);
  return found;
}

function shares(_: LoadInput, { decision }: Tick): readonly string[] {
  const active = decision.endpoints.filter(({ health }) => health === 'Healthy');
  if (active.length === 0) return [];
  const sum = active.reduce((total, { share }) => total + share, 0);
  const least = Math.min(...active.map(({ share }) => share));
  return [
    ...(Math.abs(sum - 1) > NEAR ? [`the shares sum to ${sum}`] : []),
    ...(least < 0.04 / active.length - NEAR ? [`a share of ${least} is below the floor`] : []),
  ];
}

function pushes(before: Memory, { nowMs, endpoints }: LoadInput, { decision, memory }: Tick): readonly string[] {
  const old = before.weights;
  if (old === undefined) return [];
  const found: string[] = [];
  const { outcome } = decision;
  const moved = decision.endpoints.filter(({ id, weight }) => old.endpoints[id] && old.endpoints[id].weight !== weight);
  if (!PUSHES.includes(outcome) && moved.length > 0) found.push(`${outcome} moved ${moved.map(({ id }) => id)}`);
  if (outcome === 'Pushed') {
    if (moved.length === 0) found.push('pushed what stood already');
    if (nowMs - old.lastPushMs < 950) found.push(`pushed after ${nowMs - old.lastPushMs} ms`);
    const sec = Math.max(1, (nowMs - old.lastPushMs) / 1000);
    for (const { id, lifecycle } of endpoints) {
      const by = (memory.weights?.endpoints[id]?.sent ?? 0) - (old.endpoints[id]?.sent ?? 0);
      if (lifecycle === 'Active' && (by > Math.log(1.25) * sec + NEAR || by < -Math.LN2 * sec - NEAR))
        found.push(`${id} moved by ${by} in ${sec} s`);
    }
  }
  const equal = decision.endpoints.filter(({ health }) => health === 'Healthy').every(({ weight }) => weight === 1000);
  if (memory.weights?.snapped && !equal) found.push(`${outcome}: snapped to equal, and yet unequal`);
  return found;
}

function beliefs(before: Memory, input: LoadInput, { load, memory }: Tick): readonly string[] {
  const found: string[] = [];
  const gain = proportionalGain(load, true, 1);
  if (!(gain > 0 && gain <= 2)) found.push(`the gain is ${gain}`);
  for (const { id, slots, pressure, errorRatio, inFlight, ageMs } of load.endpoints) {
    if (!(slots >= 1)) found.push(`${id} has ${slots} slots`);
    if (!(pressure > 0 && inFlight >= 0 && ageMs >= 0)) found.push(`${id} has pressure ${pressure}`);
    if (!(errorRatio >= 0 && errorRatio <= 1)) found.push(`${id} has an error ratio of ${errorRatio}`);
    const capacity = memory.load?.endpoints[id]?.logCapacity ?? Number.NaN;
    const derated = memory.load?.endpoints[id]?.throttled?.log ?? 0;
    if (!(derated <= 0 && derated >= -0.25)) found.push(`${id} is derated by ${derated}`);
    if (!(Math.abs(capacity) <= 3 + NEAR)) found.push(`${id} has a log capacity of ${capacity}`);
  }
  return [...found, ...silence(before, input, memory)];
}

/** Who drains for its GPU: at most half of a pool, never the last, never by silence, and with a reason. */
function drains(
  before: Memory,
  { endpoints, samples }: LoadInput,
  { decision, load, memory }: Tick,
): readonly string[] {
  const found: string[] = [];
  const asked = new Set(endpoints.filter(({ lifecycle }) => lifecycle === 'Draining').map(({ id }) => id));
  const lost = decision.endpoints.filter(({ id, health }) => health === 'Draining' && !asked.has(id));
  for (const pool of new Set(endpoints.map((one) => one.pool))) {
    const members = endpoints.filter((one) => one.pool === pool && !asked.has(one.id));
    const gone = members.filter(({ id }) => lost.some((one) => one.id === id)).length;
    if (members.length > 0 && gone > members.length / 2) found.push(`${gone} of ${members.length} drain in ${pool}`);
  }
  const reasons = reasonsOf(decision, load);
  for (const { id } of lost) {
    const reason = reasons.get(id) ?? '';
    if (!/XID \d+/.test(reason)) found.push(`${id} drains without a reason: ${reason}`);
    if (load.endpoints.find((one) => one.id === id)?.gpuFault?.drained !== true) found.push(`${id} drains unbelieved`);
  }
  if (samples.length > 0) return found;
  for (const [id, now] of Object.entries(memory.load?.endpoints ?? {})) {
    const was = before.load?.endpoints[id];
    const known = was !== undefined && was.lives === now.lives;
    const suspected = was?.gpus.some(({ xid }) => xid?.stage === 'Suspect' || xid?.stage === 'Fatal') === true;
    if (known && (was.drainedAtMs ?? null) === null && now.drainedAtMs !== null && !suspected)
      found.push(`${id} drains in silence`);
  }
  return found;
}

/** Unknown is not idle: while nothing is heard, what was in flight and what was learned stand. */
function silence(before: Memory, { samples, reports }: LoadInput, { load }: Memory): readonly string[] {
  const old = before.load;
  if (old === undefined || load === undefined || samples.length > 0 || reports.length > 0) return [];
  if (old.cluster.reportsSinceMs !== null || load.cluster.reportsSinceMs !== null) return [];
  return Object.entries(load.endpoints).flatMap(([id, now]) => {
    const was = old.endpoints[id];
    if (was === undefined || was.lives !== now.lives || was.incarnation !== now.incarnation) return [];
    const held = was.inFlight === now.inFlight && was.foreign === now.foreign && was.kvUsage === now.kvUsage;
    return held ? [] : [`${id} changed in silence from ${was.inFlight} to ${now.inFlight} in flight`];
  });
}

/** The next tick from the same memory, from a copy that went through JSON, and with the endpoints in another order. */
export function alternatives(before: Memory, input: LoadInput, after: Tick): readonly string[] {
  const found: string[] = [];
  const told = JSON.stringify(after);
  if (JSON.stringify(step(before, input)) !== told) found.push('the same input gave another output');
  if (JSON.stringify(step(JSON.parse(JSON.stringify(before)) as Memory, input)) !== told)
    found.push('a state that went through JSON goes on otherwise');
  const turned = step(before, { ...input, endpoints: [...input.endpoints].reverse() });
  const byId = new Map(turned.load.endpoints.map((one) => [one.id, one]));
  for (const one of after.load.endpoints) {
    const other = byId.get(one.id);
    for (const key of ['inFlight', 'slots', 'logCapacity', 'pressure', 'errorsPerSec'] as const)
      if (!near(one[key], other?.[key]))
        found.push(`in another order ${one.id} has ${key} ${other?.[key]}, not ${one[key]}`);
  }
  const shareOf = new Map(turned.decision.endpoints.map(({ id, share }) => [id, share]));
  for (const { id, share } of after.decision.endpoints)
    if (!near(share, shareOf.get(id))) found.push(`in another order ${id} gets ${shareOf.get(id)}, not ${share}`);
  return found;
}

function near(a: number, b: number | undefined): boolean {
  return b !== undefined && Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(a));
}
