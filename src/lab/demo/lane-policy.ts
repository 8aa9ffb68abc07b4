import { LoadlineError } from '../../base/errors.ts';
import { formatIssue, loadPolicy, type Policy } from '../../core/policy/index.ts';
import type { Place } from '../modelserver/index.ts';
import type { FleetServer } from './fleet.ts';

export const GROUP = 'demo';
export const SERVICE = 'chat';
export const LISTENER = 'models';

export type LaneServer = FleetServer & Place;

export type LanePolicyOptions = {
  readonly tellWidths: boolean;
  /** What Loadline may read of the servers, beside the load reports of the Envoys; both when absent. */
  readonly signals?: readonly ('engine' | 'gpu')[];
};

/**
 * The policy of a lane as its user would write it: what is silent has Loadline's defaults. Both lanes have it: one gets
 * it from Loadline, the other as a static configuration made of the same resources.
 */
export function lanePolicyText(
  servers: readonly LaneServer[],
  listenerPort: number,
  { tellWidths, signals = ['engine', 'gpu'] }: LanePolicyOptions,
): string {
  const endpoints = servers.map(({ address, port, slots }) => {
    const width = tellWidths ? `, maxRunningRequests: ${slots}` : '';
    return `          - { address: ${address}, port: ${port}${width} }`;
  });
  const { port, gpuPort } = servers[0]!;
  const sources = [
    ...(signals.includes('engine') ? ['    engine: { path: /metrics, interval: 1s }'] : []),
    ...(signals.includes('gpu')
      ? [`    gpu: { exporter: { portOffset: ${gpuPort - port}, path: /metrics }, interval: 1s }`]
      : []),
  ];
  return `apiVersion: loadline.dev/v1alpha1
kind: SidecarGroup
metadata: { name: ${GROUP} }
spec:
  listeners:
    - { name: ${LISTENER}, address: 127.0.0.1, port: ${listenerPort} }
  modelServices: [${SERVICE}]
---
apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: ${SERVICE} }
spec:
  hostnames: ["*"]
${sources.length === 0 ? '' : ['  signals:', ...sources, ''].join('\n')}  pools:
    - name: gpu
      endpoints:
        static:
${endpoints.join('\n')}
`;
}

export function readLanePolicy(text: string): Policy {
  const read = loadPolicy([{ name: 'demo.yaml', text }]);
  if (read.ok) return read.value;
  throw new LoadlineError(
    'LOADLINE_LAB',
    `The demo's own policy is refused:\n${read.issues.map(formatIssue).join('\n')}`,
  );
}
