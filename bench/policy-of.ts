import { loadPolicy, type Policy, type PolicyFile } from '../src/core/policy/index.ts';

/** A lab policy with this many services of this many endpoints, on addresses 127.x.y.z that nobody listens on. */
export function policyOf(endpoints: number, services = 1): Policy {
  const result = loadPolicy([policyFileOf(endpoints, services)]);
  if (!result.ok) throw new Error(result.issues.map(({ message }) => message).join('; '));
  return result.value;
}

/** The text of {@link policyOf}. */
export function policyFileOf(endpoints: number, services = 1): PolicyFile {
  const names = Array.from({ length: services }, (_, i) => (i === 0 ? 'chat' : `chat-${i}`));
  const text = [
    'apiVersion: loadline.dev/v1alpha1',
    'kind: SidecarGroup',
    'metadata: { name: lab }',
    'spec:',
    '  listeners:',
    '    - { name: models, address: 127.0.0.1, port: 15001 }',
    `  modelServices: [${names.join(', ')}]`,
    ...names.flatMap((name, i) => serviceLines(name, services === 1 ? '*' : `${name}.test`, endpoints, i * endpoints)),
    '',
  ].join('\n');
  return { name: 'bench.yaml', text };
}

function serviceLines(name: string, host: string, endpoints: number, first: number): readonly string[] {
  return [
    '---',
    'apiVersion: loadline.dev/v1alpha1',
    'kind: ModelService',
    `metadata: { name: ${name} }`,
    'spec:',
    `  hostnames: ["${host}"]`,
    '  pools:',
    '    - name: gpu',
    '      endpoints:',
    '        static:',
    ...Array.from({ length: endpoints }, (_, i) => `          - { address: ${addressOf(first + i)}, port: 8000 }`),
  ];
}

function addressOf(index: number): string {
  return `127.${1 + Math.floor(index / 62_500)}.${Math.floor(index / 250) % 250}.${1 + (index % 250)}`;
}
