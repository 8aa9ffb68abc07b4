/** The lab policy with a test's own endpoints and, where given, more lines for the service's `spec` (indented by two). */
export function labPolicy(
  servers: readonly { readonly port: number; readonly capacity?: number }[],
  options: { readonly gpuPortOffset?: number; readonly service?: string; readonly group?: string } = {},
): string {
  const gpu =
    options.gpuPortOffset === undefined
      ? ''
      : `\n    gpu: { exporter: { portOffset: ${options.gpuPortOffset}, path: /metrics }, interval: 1s }`;
  return `apiVersion: loadline.dev/v1alpha1
kind: SidecarGroup
metadata: { name: lab }
spec:
  listeners:
    - { name: models, address: 127.0.0.1, port: 15001 }
  modelServices: [chat]
${options.group ?? ''}---
apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: chat }
spec:
  hostnames: ["*"]
${options.service ?? ''}  signals:
    engine: { path: /metrics, interval: 1s }${gpu}
  pools:
    - name: gpu
      endpoints:
        static:
${servers.map((server) => `          - { address: 127.0.0.1, ${whatOf(server)} }`).join('\n')}
`;
}

function whatOf({ port, capacity }: { readonly port: number; readonly capacity?: number }): string {
  return capacity === undefined ? `port: ${port}` : `port: ${port}, capacity: ${capacity}`;
}
