export type PoolOfPorts = { readonly name: string; readonly ports: readonly number[]; readonly lines?: string };

/**
 * The service `chat` for the group `lab`, with pools of servers on this host and lines of the test's own for its `spec`
 * (indented by two). Nothing is asked of the servers: what a test finds out is Envoy's doing.
 */
export function poolsPolicy(pools: readonly PoolOfPorts[], service = '', group = ''): string {
  return `apiVersion: loadline.dev/v1alpha1
kind: SidecarGroup
metadata: { name: lab }
spec:
  listeners:
    - { name: models, address: 127.0.0.1, port: 15001 }
  modelServices: [chat]
${group}---
apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: chat }
spec:
  hostnames: ["*"]
${service}  pools:
${pools.map(poolLines).join('')}`;
}

function poolLines({ name, ports, lines = '' }: PoolOfPorts): string {
  const servers = ports.map((port) => `{ address: 127.0.0.1, port: ${port} }`);
  return `    - name: ${name}\n${lines}      endpoints: { static: [${servers.join(', ')}] }\n`;
}
