import { describe, expect, it } from 'vitest';
import { type ZodType, z } from 'zod';
import { FLEET } from '../../../src/lab/demo/fleet.ts';
import { sampleReport } from './sample-report.ts';

const ms = z.number().min(0).nullable();
const phase = z.object({
  name: z.string().min(1),
  firstTokenP50Ms: ms,
  firstTokenP99Ms: ms,
  endToEndP99Ms: ms,
  goodputRatio: z.number().min(0).max(1),
  imbalance: z.number().min(1).nullable(),
});
const series = z.array(z.array(z.number()).length(1 + FLEET.length)).min(100);
const lane = z.object({
  phases: z.array(phase).length(3),
  pushes: z.object({ cds: z.int(), lds: z.int(), rds: z.int(), eds: z.int(), rtds: z.int(), ecds: z.int() }),
  weights: series,
  shares: series,
});
const times = z.object({ t50Ms: ms, t90Ms: ms });

/** What readers of the file rely on; there may be more in it. */
const SHAPE: ZodType = z.object({
  envoyVersion: z.string().regex(/^\d+\.\d+\.\d+$/),
  seed: z.int(),
  requests: z.int(),
  clientErrors: z.int(),
  streamsReset: z.int(),
  lanes: z.object({ leastRequest: lane, loadline: lane }),
  timeToShift: z.object({ acked: times, issued: times }),
  verdict: z.enum(['Better', 'Equal', 'Worse']),
  verdictBy: z.string().min(1),
});

describe('the report', () => {
  it('has the shape that its readers rely on, also after it was written', () => {
    expect(SHAPE.safeParse(JSON.parse(JSON.stringify(sampleReport()))).error).toBeUndefined();
  });

  it('tells the phases, the goodput and the verdict of the run', () => {
    const { lanes, verdict, verdictBy, requests, clientErrors } = sampleReport();
    expect(lanes.loadline.phases.map(({ name }) => name)).toEqual(['steady', 'slowed', 'recovered']);
    expect(lanes.loadline.wholeRun.goodputRatio).toBe(1);
    expect(lanes.leastRequest.wholeRun.goodputRatio).toBeCloseTo(0.8, 2);
    expect(lanes.leastRequest.wholeRun.firstTokenP99Ms).toBeCloseTo(2000, -2);
    expect(lanes.leastRequest.wholeRun.imbalance).toBe(1);
    expect(requests).toBe(lanes.leastRequest.requests + lanes.loadline.requests);
    expect(clientErrors).toBe(0);
    expect(verdict).toBe('Better');
    expect(verdictBy).toMatch(/goodput of the whole run: 100.0 % against 80/);
  });

  it('times the shift of the applied weights and of the issued requests', () => {
    const { acked, issued } = sampleReport().timeToShift;
    // The ramp of eight seconds; the weight share of one of eight moves a little less than its weight.
    expect(acked.t50Ms).toBeGreaterThan(3500);
    expect(acked.t50Ms).toBeLessThan(4600);
    expect(acked.t90Ms).toBeGreaterThan(6500);
    expect(acked.t90Ms).toBeLessThan(8000);
    expect(issued.t50Ms!).toBeGreaterThan(acked.t50Ms!);
    expect(issued.t50Ms!).toBeLessThan(acked.t50Ms! + 3000);
    expect(acked.before).toBeCloseTo(0.125, 3);
    expect(acked.final).toBeCloseTo(1 / 15, 3);
  });

  it('counts an error, and says so in its verdict', () => {
    const { clientErrors, streamsReset, lanes, verdict } = sampleReport({ clientErrors: 2 });
    expect({ clientErrors, streamsReset, verdict }).toEqual({ clientErrors: 2, streamsReset: 2, verdict: 'Worse' });
    expect(lanes.loadline.failures).toEqual({ 'StreamReset ECONNRESET': 2 });
  });

  it('does not judge when the machine was starved', () => {
    expect(sampleReport({ lagMs: 800 })).toMatchObject({ verdict: 'Equal', generatorLagP99Ms: 800 });
  });
});
