import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/units/index.ts';
import { EdfScheduler } from '../../../src/lab/simulate/sidecar/edf-scheduler.ts';
import { Picker } from '../../../src/lab/simulate/sidecar/picker.ts';
import { Sidecar } from '../../../src/lab/simulate/sidecar/sidecar.ts';

function shares(picks: number, hosts: number, pick: () => number): readonly number[] {
  const counts = new Array<number>(hosts).fill(0);
  for (let count = 0; count < picks; count += 1) {
    const host = pick();
    counts[host] = (counts[host] as number) + 1;
  }
  return counts.map((count) => count / picks);
}

describe("Envoy's EDF scheduler", () => {
  it('gives each host its weight, exactly over each period', () => {
    const weights = [1, 2, 5];
    const edf = new EdfScheduler([0, 1, 2], (host) => weights[host] as number, seededRandom(1));
    expect(shares(8000, 3, () => edf.pick())).toEqual([0.125, 0.25, 0.625]);
  });

  it('starts anywhere: a rebuild before each pick is a draw by weight, and prefers nobody', () => {
    const random = seededRandom(2);
    const weights = [1, 2, 5];
    const first = (): number => new EdfScheduler([0, 1, 2], (host) => weights[host] as number, random).pick();
    const [a, b, c] = shares(4000, 3, first) as [number, number, number];
    expect(a).toBeGreaterThan(0.09);
    expect(a).toBeLessThan(0.16);
    expect(b).toBeGreaterThan(0.21);
    expect(b).toBeLessThan(0.29);
    expect(a + b + c).toBeCloseTo(1);
  });

  it('reads the weight of a host when it puts it back', () => {
    const weights = [1, 1];
    const edf = new EdfScheduler([0, 1], (host) => weights[host] as number, seededRandom(3));
    edf.pick();
    weights[0] = 9;
    const [heavy] = shares(1000, 2, () => edf.pick());
    expect(heavy).toBeGreaterThan(0.88);
  });
});

describe('a worker with equal weights', () => {
  it('goes round with RoundRobin', () => {
    const picker = new Picker('RoundRobin', [7, 7, 7], [0, 0, 0], seededRandom(4));
    const first = picker.pick();
    expect([picker.pick(), picker.pick(), picker.pick()]).toEqual([(first + 1) % 3, (first + 2) % 3, first]);
  });

  it('takes the less loaded of two draws with LeastRequest: the fuller of two hosts only when it is drawn twice', () => {
    const picker = new Picker('LeastRequest', [1, 1], [5, 0], seededRandom(5));
    const [full] = shares(8000, 2, () => picker.pick());
    expect(full).toBeGreaterThan(0.22);
    expect(full).toBeLessThan(0.28);
  });
});

describe('a worker with unequal weights', () => {
  it('weighs them by what is active with LeastRequest', () => {
    const active = [3, 0];
    const picker = new Picker('LeastRequest', [4, 1], active, seededRandom(6));
    const [heavy] = shares(1000, 2, () => picker.pick());
    expect(heavy).toBeCloseTo(0.5, 1);
  });
});

describe('the load reports of a sidecar', () => {
  it('say what happened since the last one, and leave out who has nothing', () => {
    const hosts = [1, 2].map((last) => ({ address: `10.0.0.${last}`, port: 8000 }));
    const sidecar = new Sidecar(
      'envoy-0',
      hosts,
      { weights: [1, 1] },
      {
        loadBalancer: 'RoundRobin',
        workers: 1,
        random: seededRandom(7),
        clientSide: false,
      },
    );
    const [first, second] = [sidecar.pick(), sidecar.pick()] as [number, number];
    sidecar.headers(first);
    sidecar.failed(second);
    const of = (host: number): string => hosts[host]?.address as string;
    expect(sidecar.report(false)).toEqual(
      [first, second]
        .sort()
        .map((host) =>
          host === first
            ? { address: of(host), port: 8000, inProgress: 1, issued: 1, succeeded: 1, errors: 0 }
            : { address: of(host), port: 8000, inProgress: 0, issued: 1, succeeded: 0, errors: 1 },
        ),
    );
    expect(sidecar.report(false)).toEqual([
      { address: of(first), port: 8000, inProgress: 1, issued: 0, succeeded: 0, errors: 0 },
    ]);
    sidecar.finished(first);
    expect(sidecar.report(false)).toEqual([]);
  });
});
