import type { ServiceDecision } from '../core/weights/index.ts';
import type { EventTimeline, Log, LoopSeries, Metrics } from '../edge/observe/index.ts';
import type { ControlLoop, Ticked } from './control-loop.ts';
import { herdEvent, shiftEvent } from './timeline-event.ts';

export type AnnouncerOptions = {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly timeline: EventTimeline;
  readonly loop: ControlLoop;
  readonly now: () => number;
};

/** Tells the log, the timeline and the metrics what a tick did. */
export class Announcer {
  readonly #options: AnnouncerOptions;
  /** Refusals of our own rule check that were told already, by version. */
  readonly #toldRefusals = new Set<string>();

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  ticked({ plan, pushed, refusals, shifts, herds, events }: Ticked): void {
    const { log, metrics, timeline, loop, now } = this.#options;
    metrics.loops(Object.values(plan.decisions).map((decision) => loopSeries(decision, loop)));
    for (const decision of herds) {
      log.warn({ service: decision.service, ...decision.loop }, 'weights and requests in flight chase each other');
      metrics.herded(decision.service);
      timeline.add(herdEvent(decision, now()));
    }
    for (const shift of shifts) {
      metrics.shifted(shift);
      timeline.add(shiftEvent(shift, now()));
    }
    for (const { kind, subject, message } of events) {
      log.warn({ event: kind, subject, about: message }, 'belief changed');
      timeline.add({ atMs: now(), kind, subject, message });
    }
    for (const { service, outcome, endpoints } of pushed) {
      const weights = endpoints.map(({ id, weight }) => `${id.slice(id.lastIndexOf('/') + 1)}=${weight}`).join(' ');
      log.info({ service, outcome, weights: endpoints.length <= 32 ? weights : undefined }, 'weights changed');
      timeline.add({
        atMs: now(),
        kind: 'WeightsPushed',
        subject: service,
        message: `${outcome}: ${weights.slice(0, 500)}`,
      });
    }
    for (const { resource, reason } of refusals) {
      const id = `${resource.typeUrl} ${resource.name} ${resource.version}`;
      if (this.#toldRefusals.has(id)) continue;
      this.#toldRefusals.add(id);
      const origin = resource.origin === undefined ? undefined : `${resource.origin.file}:${resource.origin.line}`;
      log.error(
        { type: resource.typeUrl, resource: resource.name, origin, revision: resource.origin?.revision, reason },
        'resource breaks a rule of envoy and is held back',
      );
    }
  }
}

function loopSeries({ service, loop }: ServiceDecision, control: ControlLoop): LoopSeries {
  const { reportsSec, ackSec, picksSec } = control.loopDelay(service);
  return { service, damping: loop?.damping ?? 1, delaySec: { reports: reportsSec, ack: ackSec, picks: picksSec } };
}
