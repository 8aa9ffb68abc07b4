import { type Random, seededRandom } from '../../base/units/index.ts';
import type { Event, GpuSignal, Headers, Scenario } from './scenario.ts';
import { type Shape, shapedScenario, WIDE } from './shape.ts';

const FAULT_MS = 60_000;
const DURATION_MS = 240_000;
const WARM_UP_MS = 40_000;

/**
 * A fleet, its load, what can be seen of it and what goes wrong, drawn at random: nobody has tuned anything on it. The same
 * number is the same scenario.
 */
export function randomScenario(number: number): Scenario {
  const random = seededRandom(number * 2_654_435 + 97);
  const servers = between(2, 20, random);
  const sidecars = Math.round(Math.exp(random() * Math.log(80)));
  const engine = random() < 0.6;
  const rho = 0.4 + 0.5 * random();
  const shape: Shape = {
    servers,
    sidecars,
    speeds: speeds(servers, random),
    slots: slots(servers, random),
    slotsKnown: random() < 0.6,
    workers: random() < 0.8 ? 1 : 4,
    ...load(rho, random() < 0.3 ? { factor: 1.5 + random(), everyMs: 40_000, forMs: 8000 } : undefined),
    events: fault(servers, random),
    signals: {
      engine,
      engineDelayMs: 1000 * between(1, 10, random),
      gpu: engine ? 'None' : one<GpuSignal>(['None', 'Honest', 'Noisy', 'Concave', 'Pinned', 'Slow'], random),
      headers: one<Headers>(['FirstToken', 'Immediate', 'AtEnd'], random),
    },
    durationMs: DURATION_MS,
    warmUpMs: WARM_UP_MS,
  };
  return shapedScenario(`random ${number}: ${words(shape)}`, WIDE, shape);
}

/** `rho` is meant in the mean: a fleet that its bursts overload has no right balance. */
function load(rho: number, burst: Shape['burst']): Pick<Shape, 'rho' | 'burst'> {
  if (burst === undefined) return { rho };
  const { factor, everyMs, forMs } = burst;
  return { rho: rho / (1 + ((factor - 1) * forMs) / everyMs), burst };
}

function words({ servers, sidecars, rho = 0, slotsKnown, signals, events = [] }: Shape): string {
  const seen = signals?.engine === true ? 'engine' : `GPU ${signals?.gpu}`;
  const what = events[0]?.kind ?? 'no fault';
  return `n ${servers}, M ${sidecars}, ρ ${rho.toFixed(2)}, ${slotsKnown === true ? '' : 'widths unknown, '}${seen}, ${what}`;
}

function speeds(count: number, random: Random): readonly number[] {
  const kind = random();
  return Array.from({ length: count }, (_, index) => {
    if (kind < 0.4) return 1;
    return kind < 0.7 ? (index % 2 === 0 ? 1 : 0.5) : 0.3 + 0.7 * random();
  });
}

function slots(count: number, random: Random): readonly number[] {
  const kind = random();
  return Array.from({ length: count }, (_, index) => {
    if (kind < 0.5) return 64;
    return kind < 0.8 ? (index % 2 === 0 ? 24 : 64) : one([24, 32, 48, 64], random);
  });
}

function fault(count: number, random: Random): readonly Event[] {
  const server = Math.floor(random() * count);
  const at = { server, atMs: FAULT_MS } as const;
  switch (between(0, 5, random)) {
    case 0:
      return [];
    case 1:
      return [{ ...at, kind: 'Condition', change: { speed: 0.5 } }];
    case 2:
      return [{ ...at, kind: 'Condition', change: { foreignLoad: 0.5 } }];
    case 3:
      return [
        { ...at, kind: 'Sinkhole', ratio: 0.7 },
        { server, atMs: 2 * FAULT_MS, kind: 'Sinkhole', ratio: 0 },
      ];
    case 4:
      return [{ ...at, kind: 'Crash', backAtMs: FAULT_MS + 20_000 }];
    default:
      return [{ ...at, kind: 'FreezeMetrics' }];
  }
}

function between(least: number, most: number, random: Random): number {
  return least + Math.floor(random() * (most - least + 1));
}

function one<T>(list: readonly T[], random: Random): T {
  return list[Math.floor(random() * list.length)] as T;
}
