import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { formatDuration } from '../../src/base/units/index.ts';
import { TAINT_RULES } from '../../src/core/operations/index.ts';
import { commandLine } from '../../src/core/resources/index.ts';
import { METRICS, type MetricDefinition } from '../../src/edge/observe/metric-catalogue.ts';
import { run } from '../cli/run.ts';
import { loadlineCommands, usageMistake } from './command-lines.ts';
import { markdownPages, page, pagesUnder } from './pages.ts';

const DOCKERFILE = page('deploy/Dockerfile').text;
const compose = parse(page('deploy/compose/compose.yaml').text) as {
  readonly services: Readonly<Record<string, { readonly image: string; readonly command?: readonly string[] }>>;
};

describe('command lines in deploy/', () => {
  it('of the systemd unit', async () => {
    const unit = page('deploy/systemd/loadline.service').text;
    const lines = [...unit.matchAll(/^Exec\w+=(.*)$/gm)].map((match) => match[1] ?? '');
    expect(lines).toHaveLength(1);
    const [argv = []] = loadlineCommands(lines.join('\n'));
    expect(argv[0]).toBe('serve');
    expect(await usageMistake(argv)).toBeUndefined();
  });

  it('of the image', async () => {
    expect(instruction('ENTRYPOINT')).toEqual(['loadline']);
    const argv = instruction('CMD');
    expect(argv[0]).toBe('serve');
    expect(await usageMistake(argv)).toBeUndefined();
    // what serve reads is where the image has it
    expect(DOCKERFILE).toContain(`COPY deploy/loadline.yaml ${argv.at(-1)}\n`);
  });

  it('of the services of compose.yaml: ours are understood', async () => {
    const ours = Object.values(compose.services).filter(({ image }) => image === 'loadline');
    expect(ours.map(({ command }) => command?.[0] ?? 'serve')).toEqual(['serve', 'modelserver', 'modelserver']);
    for (const { command } of ours) if (command !== undefined) expect(await usageMistake(command)).toBeUndefined();
  });

  it("of compose.yaml and envoy/README.md: Envoy's is the one that `loadline bootstrap` prints", () => {
    expect(compose.services.envoy?.command).toEqual(commandLine({ configPath: '/etc/envoy/bootstrap.json' }));
    expect(page('envoy/README.md').text).toContain(`\n    ${commandLine({ configPath: 'envoy.yaml' }).join(' ')}\n`);
  });
});

describe('deploy/kubernetes/agent.yaml', () => {
  const documents = parseAllDocuments(page('deploy/kubernetes/agent.yaml').text);
  const [account, role, binding, daemon] = ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'DaemonSet'].map(
    (kind) => documents.map((one) => one.toJS()).find((one) => one.kind === kind),
  );
  const pod = daemon.spec.template.spec;

  it('is YAML without a mistake', () => {
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
  });

  it('runs a command that is understood, on the node that it is about', async () => {
    const [{ args, env }] = pod.containers;
    expect(await usageMistake(args)).toBeUndefined();
    expect(args).toContain('--node-taints=$(NODE_NAME)');
    expect(env[0]).toEqual({ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } });
    // else the taint that it is to tell of would end it
    expect(pod.tolerations).toEqual([{ operator: 'Exists' }]);
  });

  it('gives the account of the pod what the agent asks for, and no more', () => {
    expect(role.rules).toEqual([{ apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] }]);
    expect(binding.roleRef).toMatchObject({ kind: 'ClusterRole', name: role.metadata.name });
    const { name, namespace } = account.metadata;
    expect(binding.subjects).toEqual([{ kind: 'ServiceAccount', name, namespace }]);
    expect(pod.serviceAccountName).toBe(name);
    expect(daemon.metadata.namespace).toBe(namespace);
  });
});

describe('the taints that are notices', () => {
  it('stand in the page, each with its time and whose it is', () => {
    const rows = page('docs/how-to/drain-and-spot.md')
      .text.split('\n')
      .filter((line) => line.startsWith('| `'));
    for (const { key, value, leftMs, valueIsTime, source } of TAINT_RULES) {
      const taint = value === undefined ? key : `${key}=${value}`;
      const [, time, words] = rows.find((row) => row.startsWith(`| \`${taint}\` |`))?.split(' | ') ?? [];
      expect(time).toBe(`${formatDuration(leftMs)}${valueIsTime === true ? ' after the time in its value' : ''}`);
      expect(`${words}`.replace(/^the same: /, 'AWS Node Termination Handler: ')).toBe(`${source} |`);
    }
  });
});

describe('the options of Node', () => {
  it('are those that the benches measure with, in the image and in the unit', () => {
    const { scripts } = JSON.parse(page('package.json').text) as { readonly scripts: { readonly bench: string } };
    const [measured] = /--max-semi-space-size=\d+/.exec(scripts.bench) ?? [];
    expect(measured).toBeDefined();
    expect(DOCKERFILE).toContain(`\nENV NODE_OPTIONS=${measured}\n`);
    expect(page('deploy/systemd/loadline.service').text).toContain(`\nEnvironment=NODE_OPTIONS=${measured}\n`);
  });
});

describe('deploy/loadline.yaml', () => {
  it('is a config file that serve reads', async () => {
    // A flag that cannot be used ends the command after the file was read and before a server starts.
    const { code, err } = await run('serve', '--config', 'deploy/loadline.yaml', '--xds', 'nowhere');
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('--xds: address "nowhere"') });
  });
});

describe('the image', () => {
  it('copies only what the build context has', () => {
    const allowed = page('deploy/Dockerfile.dockerignore')
      .text.split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    const copied = [...DOCKERFILE.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap((match) =>
      (match[1] ?? '').split(' '),
    );
    expect(copied.length).toBeGreaterThan(5);
    expect(copied.filter((path) => !allowed.includes(path))).toEqual([]);
    expect(allowed.filter((path) => !copied.includes(path))).toEqual([]);
  });

  it('has no sources, and so does not build when it starts', () => {
    const [, final = ''] = DOCKERFILE.split(/^FROM .*-slim$/m);
    expect(final).toContain('COPY bin bin');
    expect(final).not.toMatch(/^COPY (?!--from).*\b(src|scripts)\b/m);
  });
});

describe('metrics in the pages and rules', () => {
  const texts = [...markdownPages(), ...pagesUnder('deploy')];
  const series = new Map<string, Pick<MetricDefinition, 'labels'>>(
    Object.entries(METRICS).flatMap(([name, one]) =>
      one.kind === 'histogram'
        ? ['', '_bucket', '_sum', '_count'].map((suffix): [string, MetricDefinition] => [name + suffix, one])
        : [[name, one]],
    ),
  );

  it('exist', () => {
    const named = texts.flatMap(({ path, text }) =>
      [...text.matchAll(/\bloadline_[a-z_]+\b/g)].map(([name]) => ({ path, name })),
    );
    expect(named.length).toBeGreaterThan(60);
    // clusters of Envoy's bootstrap, not metrics
    const others = ['loadline_xds', 'loadline_sidecars', 'loadline_ads'];
    expect(named.filter(({ name }) => !series.has(name) && !others.includes(name))).toEqual([]);
  });

  it('have the labels that are asked for', () => {
    const ofPrometheus = ['job', 'instance', 'le'];
    for (const { path, text } of texts) {
      for (const [, name = '', matchers = ''] of text.matchAll(/\b(loadline_[a-z_]+)\{([^}]*)\}/g)) {
        const asked = [...matchers.matchAll(/(\w+)\s*[=!]/g)].map((match) => match[1] ?? '');
        const known = [...(series.get(name)?.labels ?? []), ...ofPrometheus];
        expect(
          asked.filter((label) => !known.includes(label)),
          `${path}: ${name}{${matchers}}`,
        ).toEqual([]);
      }
    }
  });
});

describe('the alerts', () => {
  const rules = (
    parse(page('deploy/prometheus/loadline.rules.yaml').text) as { groups: readonly { rules: readonly Rule[] }[] }
  ).groups.flatMap((group) => group.rules);

  it.each(rules.map((rule) => [rule.alert, rule] as const))('%s says what is wrong and what to do', (name, rule) => {
    expect(name).toMatch(/^Loadline[A-Z]\w+$/);
    expect(['info', 'warning', 'critical']).toContain(rule.labels.severity);
    expect(rule.annotations.summary).toMatch(/\.$/);
    expect(rule.annotations.description).toMatch(/\.$/);
  });

  it('are each tried by the tests for promtool', () => {
    const tests = page('deploy/prometheus/loadline.rules.test.yaml').text;
    expect(rules.length).toBeGreaterThan(5);
    expect(rules.map(({ alert }) => alert).filter((alert) => !tests.includes(`alertname="${alert}"`))).toEqual([]);
    expect(parseAllDocuments(tests)).toHaveLength(1);
  });
});

type Rule = {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
};

/** The arguments of an instruction of the Dockerfile in its JSON form. */
function instruction(name: string): readonly string[] {
  const [, json = '[]'] = new RegExp(`^${name} (\\[.*\\])$`, 'm').exec(DOCKERFILE) ?? [];
  return JSON.parse(json) as string[];
}
