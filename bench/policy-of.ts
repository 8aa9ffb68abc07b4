import { loadPolicy, type Policy } from '../src/core/policy/index.ts';

/** A lab policy with this many endpoints, on addresses 127.x.y.z that nobody listens on. */
export function policyOf(endpoints: number): Policy {
  const list = Array.from({ length: endpoints }, (_, index) => {
    const address = `127.${1 + Math.floor(index / 62_500)}.${Math.floor(index / 250) % 250}.${1 + (index % 250)}`;
    return `          - { address: ${address}, port: 8000 }`;
  });
  const result = loadPolicy([
    {
      name: 'bench.yaml',
      text: [
        'apiVersion: loadline.dev/v1alpha1',
        'kind: SidecarGroup',
        'metadata: { name: lab }',
        'spec:',
        '  listeners:',
        '    - { name: models, address: 127.0.0.1, port: 15001 }',
        '  modelServices: [chat]',
        '---',
        'apiVersion: loadline.dev/v1alpha1',
        'kind: ModelService',
        'metadata: { name: chat }',
        'spec:',
        '  hostnames: ["*"]',
        '  pools:',
        '    - name: gpu',
        '      endpoints:',
        '        static:',
        ...list,
        '',
      ].join('\n'),
    },
  ]);
  if (!result.ok) throw new Error(result.issues.map(({ message }) => message).join('; '));
  return result.value;
}
