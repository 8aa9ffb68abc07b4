import type { FleetServer } from '../../src/lab/demo/fleet.ts';
import type { LabOptions } from '../../src/lab/demo/lab.ts';
import type { Fault } from '../../src/lab/modelserver/index.ts';
import type { Event, Scenario } from '../../src/lab/simulate/index.ts';

/** A scenario of the simulator as `loadline modelserver` plays it. */
export function liveFleet({ servers, signals }: Scenario): readonly FleetServer[] {
  return servers.map(({ profile }, index) => ({
    name: `server-${index}`,
    generation: 'new',
    slots: profile.slots,
    speed: profile.speed,
    engine: {
      stepMs: profile.stepMs,
      bend: profile.bend,
      prefillTokensPerSec: profile.prefillTokensPerSec,
      kvTokens: profile.kvTokens,
      // Real servers send them at once; it matters only where nothing else tells of a queue.
      headers: signals.headers === 'FirstToken' && !signals.engine ? 'FirstToken' : 'Immediate',
      ...(signals.gpu === 'Pinned' ? { gpuMode: 'Pinned' } : {}),
      ...(signals.gpu === 'Slow' ? { gpuPeriod: '30s' } : {}),
    },
  }));
}

export function liveOptions({ sidecars, servers, signals }: Scenario): LabOptions {
  return {
    sidecars,
    tellWidths: servers.every(({ slotsKnown }) => slotsKnown),
    signals: [...(signals.engine ? (['engine'] as const) : []), ...(signals.gpu === 'None' ? [] : (['gpu'] as const))],
  };
}

/** What a server is told, and when. A fault replaces the one before it, so each holds all that is wrong by then. */
export type LiveFault = { readonly atMs: number; readonly server: number; readonly fault: Fault };

/** @throws Error on an event that model servers cannot play. */
export function liveFaults(events: readonly Event[]): readonly LiveFault[] {
  const changes = events.flatMap(changesOf).sort((a, b) => a.atMs - b.atMs);
  const now = new Map<number, Fault>();
  return changes.map(({ atMs, server, fault: change }) => {
    const fault = { ...now.get(server), ...change };
    now.set(server, fault);
    return { atMs, server, fault };
  });
}

function changesOf(event: Event): readonly LiveFault[] {
  const { atMs } = event;
  switch (event.kind) {
    case 'Condition': {
      const { speed, foreignLoad } = event.change;
      return [
        {
          atMs,
          server: event.server,
          fault: { ...(speed === undefined ? {} : { speed }), ...(foreignLoad === undefined ? {} : { foreignLoad }) },
        },
      ];
    }
    case 'Sinkhole':
      return [{ atMs, server: event.server, fault: { failRatio: event.ratio } }];
    case 'Crash':
      return [
        { atMs, server: event.server, fault: { crash: true } },
        { atMs: event.backAtMs, server: event.server, fault: { crash: false } },
      ];
    case 'ColdStart':
      return [{ atMs, server: event.server, fault: { coldStart: `${event.forMs}ms` } }];
    default:
      throw new Error(`model servers cannot play ${event.kind}`);
  }
}
