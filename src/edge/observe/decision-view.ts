import type { EndpointId } from '../../core/topology/index.ts';
import type { Outcome, ServiceDecision } from '../../core/weights/index.ts';

/** The newest decision about one service that changed anything. Immutable: readers may hold it. */
export type DecidedService = {
  readonly service: string;
  readonly tick: number;
  readonly atMs: number;
  /** How many ticks have changed the service so far, this one included. */
  readonly turn: number;
  readonly decision: ServiceDecision;
  /** Why each endpoint has its weight, in a sentence; made when somebody asks. */
  readonly reasons: () => ReadonlyMap<EndpointId, string>;
};

/** What changed for one endpoint, since the decision that was told before. `null`: there was none, or is none any more. */
export type DecidedEndpoint = {
  readonly id: EndpointId;
  readonly previousWeight: number | null;
  readonly weight: number | null;
  /** Where the computed weights are not, or only in part, what is sent. */
  readonly computedWeight: number | null;
  readonly previousShare: number | null;
  readonly share: number | null;
  /** `Gone`: it is no endpoint of the service any more. */
  readonly health: 'Healthy' | 'Draining' | 'Gone';
  /** Limits that held it back. */
  readonly clamps: readonly string[];
  readonly reason: string;
};

/** One decision about a service, as far as it changed something. */
export type DecisionView = {
  readonly service: string;
  readonly tick: number;
  readonly atMs: number;
  readonly outcome: Outcome;
  /** Ticks that changed the service since the decision that was told before, and are not told: the reader is slow. */
  readonly skipped: number;
  /** The first of a stream: it has all endpoints, and not only those that changed. */
  readonly complete: boolean;
  readonly endpoints: readonly DecidedEndpoint[];
};
