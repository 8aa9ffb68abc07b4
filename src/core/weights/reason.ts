import type { EndpointLoad, ServiceLoad } from '../load/index.ts';
import type { EndpointId } from '../topology/index.ts';
import type { ServiceDecision, Terms } from './decision.ts';

const NOTICEABLE = 0.05;

/**
 * Why each endpoint has the weight that it has, in one sentence for a person. Made when somebody asks: a tick decides about a
 * thousand endpoints, and hardly ever is one of them looked at.
 */
export function reasonsOf(decision: ServiceDecision, load: ServiceLoad | undefined): ReadonlyMap<EndpointId, string> {
  const beliefs = new Map(load?.endpoints.map((one) => [one.id, one]));
  const count = decision.endpoints.filter(({ health }) => health === 'Healthy').length;
  return new Map(
    decision.endpoints.map(({ id, health, terms, share, computedShare = share, probe, operation }) => {
      const belief = beliefs.get(id);
      if (health === 'Draining')
        return [
          id,
          operation === undefined ? drainReason(belief?.gpuFault?.words) : `takes no new requests: ${operation}`,
        ];
      const why =
        decision.outcome === 'Disabled'
          ? 'gets an even share: weights are disabled by policy'
          : `${prefixOf(decision)}${reasonOf(terms, computedShare, count, belief)}`;
      if (operation !== undefined) return [id, `${operation}; the law ${why}`];
      return [id, probe === undefined ? why : `${why}; ${probe}`];
    }),
  );
}

function prefixOf({ outcome, sentRatio }: ServiceDecision): string {
  if (outcome === 'Shadow') return '(shadow) ';
  return sentRatio === undefined ? '' : `(${Math.round(sentRatio * 100)} % sent) `;
}

/** One sentence for a person: where the target share stands against an even one, and what moved it most. */
export function reasonOf(terms: Terms, share: number, count: number, load: EndpointLoad | undefined): string {
  const off = share * count - 1;
  const stand =
    Math.abs(off) < NOTICEABLE
      ? 'aims at an even share'
      : `aims at ${Math.abs(off * 100).toFixed(0)} % ${off < 0 ? 'less' : 'more'} than an even share`;
  const why = causes(terms, load);
  return why.length === 0 ? stand : `${stand}: ${why.join('; ')}`;
}

/** Why an endpoint takes no new requests: its GPU is lost, or discovery or the operator says so. */
function drainReason(fault: string | undefined): string {
  if (fault === undefined) return 'drains: it takes no new requests';
  return `drains: its GPU reported ${fault}; it comes back when that clears or its server is started anew`;
}

function causes(terms: Terms, load: EndpointLoad | undefined): string[] {
  const causes: string[] = [];
  if (Math.abs(terms.capacity) >= NOTICEABLE)
    causes.push(`learned capacity is ${Math.exp(terms.capacity).toFixed(2)} of the mean`);
  if (Math.abs(terms.speed) >= NOTICEABLE)
    causes.push(terms.speed < 0 ? 'slow servers are kept emptier' : 'fast servers are kept fuller');
  if (Math.abs(terms.inFlight) >= NOTICEABLE && load !== undefined) {
    causes.push(`${load.inFlight.toFixed(0)} requests in flight on ${load.slots.toFixed(0)} slots`);
  }
  if (terms.foreign <= -NOTICEABLE && load !== undefined) causes.push(`${load.foreign.toFixed(0)} foreign requests`);
  if (terms.health <= -NOTICEABLE && load !== undefined)
    causes.push(`${(load.errorRatio * 100).toFixed(0)} % of its answers are errors`);
  if (terms.ramp <= -NOTICEABLE)
    causes.push(load?.waiting1st ? 'it has not completed a request yet' : 'it is warming up');
  return causes;
}
