import { loadPolicy, type Policy } from '../../../src/core/policy/index.ts';
import { readShippedTrace, type TraceRow } from '../../../src/lab/traffic/index.ts';

/** A policy of one service with the pools of the text, indented as under `pools:`. */
export function policyWith(pools: string, service = ''): Policy {
  const text = `apiVersion: loadline.dev/v1alpha1
kind: SidecarGroup
metadata: { name: clients }
spec:
  listeners:
    - { name: models, address: 127.0.0.1, port: 15001 }
  modelServices: [chat]
---
apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: chat }
spec:
  hostnames: ["*"]
${service}
  pools:
${pools}
`;
  const read = loadPolicy([{ name: 'policy.yaml', text }]);
  if (!read.ok) throw new Error(read.issues.map(({ message }) => message).join('\n'));
  return read.value;
}

/** A pool of so many servers with engine metrics. */
export function pool(name: string, count: number, more = ''): string {
  const endpoints = Array.from(
    { length: count },
    (_, at) => `          - { address: 10.0.${name.length}.${at + 1}, port: 8000${more} }`,
  );
  return `    - name: ${name}
      signals: { engine: { path: /metrics, interval: 1s } }
      endpoints:
        static:
${endpoints.join('\n')}`;
}

export function trace(): readonly TraceRow[] {
  return readShippedTrace();
}
