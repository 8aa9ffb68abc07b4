export type ServiceOfPorts = {
  readonly name: string;
  /** Lines of its `spec`, indented by two; `hostnames` is `["*"]`. */
  readonly lines: string;
  /** Servers on this host; `lines` are the pool's own, indented by six. */
  readonly pools: readonly { readonly name: string; readonly port: number; readonly lines?: string }[];
};

/** Several services for the group `lab`. Nothing is asked of the servers: what a test finds out is Envoy's doing. */
export function servicesPolicy(services: readonly ServiceOfPorts[], group = ''): string {
  const lab = `apiVersion: loadline.dev/v1alpha1
kind: SidecarGroup
metadata: { name: lab }
spec:
  listeners: [{ name: models, address: 127.0.0.1, port: 15001 }]
  modelServices: [${services.map(({ name }) => name).join(', ')}]
${group}`;
  return [lab, ...services.map(document)].join('---\n');
}

function document({ name, lines, pools }: ServiceOfPorts): string {
  return `apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: ${name} }
spec:
  hostnames: ["*"]
${lines}  pools:
${pools
  .map(
    ({ name: pool, port, lines: own = '' }) =>
      `    - name: ${pool}\n${own}      endpoints: { static: [{ address: 127.0.0.1, port: ${port} }] }\n`,
  )
  .join('')}`;
}
