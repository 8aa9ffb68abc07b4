import fc from 'fast-check';
import { Counter, Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { HotCounter, HotHistogram } from '../../../src/edge/observe/hot-series.ts';

const CONFIG = { name: 'a_seconds', help: 'How long.', buckets: [0.001, 0.5, 1, 30] };
const TYPES = ['cds', 'eds'];

describe('the fast histogram', () => {
  it('prints what the one of prom-client prints', async () => {
    const seconds = fc.oneof(fc.double({ min: 0, max: 40, noNaN: true }), fc.constantFrom(...CONFIG.buckets));
    const observed = fc.array(fc.tuple(fc.constantFrom(...TYPES), seconds), { maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(observed, async (values) => {
        const [plainly, fast] = [new Registry(), new Registry()];
        const plain = new Histogram({ ...CONFIG, labelNames: ['type'], registers: [plainly] });
        for (const type of TYPES) plain.zero({ type });
        const hot = new HotHistogram(CONFIG);
        hot.register(fast);
        const observers = new Map(TYPES.map((type) => [type, hot.observer({ type })]));
        for (const [type, value] of values) {
          plain.observe({ type }, value);
          observers.get(type)?.(value);
        }
        expect(await fast.metrics()).toBe(await plainly.metrics());
      }),
    );
  });

  it('without labels, too, before anything was observed', async () => {
    const [plainly, fast] = [new Registry(), new Registry()];
    new Histogram({ ...CONFIG, registers: [plainly] });
    const hot = new HotHistogram(CONFIG);
    hot.register(fast);
    hot.observer({});
    expect(await fast.metrics()).toBe(await plainly.metrics());
  });
});

describe('the fast counter', () => {
  it('gives prom-client the sum of what came since the last time, once', async () => {
    const registry = new Registry();
    const hot = new HotCounter(
      new Counter({ name: 'a_total', help: 'How many.', labelNames: ['type'], registers: [registry] }),
    );
    const cds = hot.cell({ type: 'cds' });
    hot.cell({ type: 'eds' });
    cds.pending += 2;
    hot.flush();
    hot.flush();
    cds.pending += 3;
    expect(await registry.metrics()).toContain('a_total{type="cds"} 2\n');
    hot.flush();
    expect(await registry.metrics()).toContain('a_total{type="cds"} 5\n');
    expect(await registry.metrics()).not.toContain('eds');
  });
});
