import { LoadlineError } from '../../base/errors.ts';
import { type Endpoint, hostPort } from '../../core/topology/index.ts';
import type { Event } from '../simulate/index.ts';
import type { Effect, Fault, ServerChoice } from './fault.ts';

/** Faults as what happens in the simulation. Throws LOADLINE_LAB for a server or a sidecar that is not there. */
export function faultEvents(
  faults: readonly Fault[],
  endpoints: readonly Endpoint[],
  sidecars: number,
): readonly Event[] {
  return faults.flatMap((fault): readonly Event[] => {
    const { what, atMs, untilMs, text } = fault;
    if (what.kind === 'Servers')
      return chosen(what.of, endpoints, text).flatMap((server) => eventsOf(what.effect, server, atMs, untilMs));
    if (what.sidecar >= sidecars)
      throw new LoadlineError('LOADLINE_LAB', `${text}: there are only ${sidecars} sidecars, numbered from 0`);
    return [{ kind: 'SidecarRestart', sidecar: what.sidecar, atMs, backAtMs: untilMs ?? Number.POSITIVE_INFINITY }];
  });
}

function chosen(choice: ServerChoice, endpoints: readonly Endpoint[], text: string): readonly number[] {
  const found = endpoints.flatMap((endpoint, server) => (isChosen(choice, endpoint, server) ? [server] : []));
  if (found.length > 0) return found;
  const names = endpoints.map((endpoint, server) => `${server} ${nameOf(endpoint)}`).slice(0, 20);
  const more = endpoints.length > names.length ? ` and ${endpoints.length - names.length} more` : '';
  throw new LoadlineError('LOADLINE_LAB', `${text}: no such server; there are ${names.join(', ')}${more}`);
}

function isChosen(choice: ServerChoice, endpoint: Endpoint, server: number): boolean {
  if (choice.kind === 'Number') return choice.number === server;
  if (choice.kind === 'Pool') return choice.pool === endpoint.pool;
  return choice.name === nameOf(endpoint) || choice.name === hostPort(endpoint.address, endpoint.port);
}

/** `pool/address:port`: what stands after the service in its id. */
export function nameOf({ pool, address, port }: Endpoint): string {
  return `${pool}/${hostPort(address, port)}`;
}

function eventsOf(effect: Effect, server: number, atMs: number, untilMs: number | undefined): readonly Event[] {
  const healed = (event: (atMs: number) => Event): readonly Event[] => (untilMs === undefined ? [] : [event(untilMs)]);
  switch (effect.kind) {
    case 'speed':
    case 'foreignLoad': {
      const { kind, value } = effect;
      const usual = kind === 'speed' ? 1 : 0;
      const condition = (at: number, to: number): Event => ({
        kind: 'Condition',
        server,
        atMs: at,
        change: { [kind]: to },
      });
      return [condition(atMs, value), ...healed((at) => condition(at, usual))];
    }
    case 'freeze':
      return [
        { kind: 'Condition', server, atMs, change: { frozen: true } },
        ...healed((at) => ({ kind: 'Condition', server, atMs: at, change: { frozen: false } })),
      ];
    case 'failRatio':
      return [
        { kind: 'Sinkhole', server, atMs, ratio: effect.value },
        ...healed((at) => ({ kind: 'Sinkhole', server, atMs: at, ratio: 0 })),
      ];
    case 'crash':
      return [{ kind: 'Crash', server, atMs, backAtMs: untilMs ?? Number.POSITIVE_INFINITY }];
    case 'coldStart':
      return [{ kind: 'ColdStart', server, atMs, forMs: effect.forMs }];
    case 'staleMetrics':
      return [{ kind: 'FreezeMetrics', server, atMs, ...(untilMs === undefined ? {} : { untilMs }) }];
    case 'clock':
      return [
        { kind: 'FalseClock', server, atMs, ratio: effect.value },
        ...healed((at) => ({ kind: 'FalseClock', server, atMs: at, ratio: 1 })),
      ];
    case 'absent':
      return [
        ...(atMs === 0 && untilMs !== undefined ? [] : [{ kind: 'Leave', server, atMs } as const]),
        ...healed((at) => ({ kind: 'Join', server, atMs: at, coldMs: effect.coldMs })),
      ];
  }
}
