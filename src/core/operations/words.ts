import type { Endpoint } from '../topology/index.ts';
import { interruptionOf } from './interruption.ts';
import type { Operation, Shed } from './operation.ts';
import { takesOut } from './taken-out.ts';

/** `until 2026-01-02T03:04:05Z (reason; author)`: the end, to the second, and who wants it why. */
function untilWords({ endsAtMs, reason, author }: Operation): string {
  return `until ${timeText(endsAtMs)} (${reason}; ${author})`;
}

export function timeText(atMs: number): string {
  return new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** What it does to one endpoint, for the reason of its weight. */
export function standingWords(operation: Operation): string {
  const until = untilWords(operation);
  switch (operation.kind) {
    case 'Freeze':
      return `its weight is frozen ${until}`;
    case 'Drain':
      return operation.interruption === undefined
        ? `drained by hand ${until}`
        : `its machine goes away at ${timeText(operation.interruption.atMs)} (${operation.reason}; ${operation.author})`;
    case 'Failover':
      return `its pool is failed over to ${operation.to === undefined ? 'the others' : `pool ${operation.to}`} ${until}`;
    case 'Shed':
      return `${operation.percent} % of the requests of its service${ofClass(operation)} are shed ${until}`;
  }
}

function ofClass({ class: name }: Shed): string {
  return name === undefined ? '' : ` of class ${name}`;
}

/** What it does, in one sentence without its end: for whoever begins it or lists it. */
export function effectWords(operation: Operation, endpoints: readonly Endpoint[]): string {
  const { service } = operation;
  switch (operation.kind) {
    case 'Freeze':
      return `the weights of ${service} stay as they are; endpoints may still come and go`;
    case 'Shed':
      return `sidecars answer ${operation.percent} % of the new requests of ${service}${ofClass(operation)} with 503 and Retry-After, at once`;
    case 'Drain':
    case 'Failover': {
      const out = endpoints.filter((endpoint) => takesOut(operation, endpoint));
      const names =
        out.length === 1 ? (out[0] as Endpoint).id : `${out.length} of ${endpoints.length} endpoints of ${service}`;
      const verb = out.length === 1 ? 'takes' : 'take';
      const others =
        operation.kind === 'Drain'
          ? ''
          : `, ${operation.to === undefined ? 'the others carry' : `pool ${operation.to} carries`} all`;
      const gone = interruptionOf(operation);
      if (gone !== undefined)
        return `${names} ${verb} no new requests, the machine goes away at ${timeText(gone.atMs)}; streams that run there go on until then`;
      return `${names} ${verb} no new requests${others}; streams that run there go on`;
    }
  }
}
