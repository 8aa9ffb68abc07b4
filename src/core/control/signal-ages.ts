import type { EndpointId } from '../topology/index.ts';
import type { ControlState } from './tick.ts';

/**
 * How old what is known about each endpoint is, in milliseconds, by kind of signal: `engine` metrics, `gpu` utilisation,
 * load `reports` (the newest of any sidecar). A kind that never spoke is left out: unknown is not 0.
 */
export function signalAges(
  state: ControlState,
  nowMs: number,
): Readonly<Record<EndpointId, Readonly<Record<string, number>>>> {
  const ages: Record<EndpointId, Record<string, number>> = {};
  for (const { endpoints, sidecars } of Object.values(state.load)) {
    const reportedAtMs = Math.max(0, ...sidecars.map((sidecar) => sidecar.reportedAtMs));
    for (const [id, { engine, gpus }] of Object.entries(endpoints)) {
      const takenAtMs = {
        engine: engine?.atMs ?? 0,
        gpu: Math.max(0, ...gpus.map(({ utilAtMs }) => utilAtMs)),
        reports: reportedAtMs,
      };
      const known = Object.entries(takenAtMs).filter(([, atMs]) => atMs > 0);
      ages[id] = Object.fromEntries(known.map(([kind, atMs]) => [kind, Math.max(0, nowMs - atMs)]));
    }
  }
  return ages;
}
