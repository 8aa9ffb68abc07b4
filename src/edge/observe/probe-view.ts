import type { EndpointId } from '../../core/topology/index.ts';

/** What a probe tells while it runs and at its end, for API and command line. */
export type { ProbeMeasure, ProbeProgress } from '../../core/control/index.ts';

/** A probe under way. */
export type ProbeView = {
  readonly endpoint: EndpointId;
  /** What the weight is multiplied by now. */
  readonly factor: number;
  readonly endAtMs: number;
  readonly reason: string;
};
