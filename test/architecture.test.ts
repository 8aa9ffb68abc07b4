import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * The import table of docs/design/architecture.md, executed. A room may import the rooms named here (`types` only with
 * `import type`), everything in `base`, and nothing above its layer.
 */
const TABLE: Readonly<Record<string, { readonly values?: readonly string[]; readonly types?: readonly string[] }>> = {
  'base/units': {},
  'base/errors': {},
  'base/wasm': {},
  'base/codec': { values: ['base/units', 'base/errors'] },
  'core/policy': {},
  'core/access': { types: ['core/policy'] },
  'core/topology': {},
  'core/load': { values: ['core/topology'] },
  'core/weights': { values: ['core/topology', 'core/load'], types: ['core/policy'] },
  'core/overload': { values: ['core/load'], types: ['core/topology', 'core/policy', 'core/weights'] },
  'core/warmth': { values: ['core/topology'], types: ['core/load', 'core/policy', 'core/weights'] },
  'core/failover': { values: ['core/topology'], types: ['core/load', 'core/policy', 'core/weights'] },
  'core/zones': { values: ['core/topology'], types: ['core/weights'] },
  'core/resources': { values: ['core/topology', 'core/policy', 'core/zones'], types: ['core/weights', 'core/control'] },
  'core/snapshot': { values: ['core/resources'] },
  'core/subscriptions': { values: ['core/snapshot', 'core/resources'] },
  'core/operations': {
    values: ['core/topology', 'core/policy'],
    types: ['core/load', 'core/weights', 'core/control'],
  },
  'core/rollout': { values: ['core/topology', 'core/policy'], types: ['core/snapshot'] },
  'core/control': {
    values: [
      'core/policy',
      'core/topology',
      'core/load',
      'core/weights',
      'core/overload',
      'core/failover',
      'core/warmth',
      'core/zones',
      'core/operations',
      'core/resources',
      'core/snapshot',
    ],
  },
  'core/dry-run': {
    values: ['core/policy', 'core/topology', 'core/weights', 'core/resources', 'core/snapshot', 'core/control'],
    types: ['core/operations'],
  },
  'edge/tls': {},
  'edge/listen': { values: ['edge/tls'] },
  'edge/http2': {},
  'edge/kubernetes': {},
  'edge/discovery': { values: ['core/topology'], types: ['core/policy'] },
  'edge/outbound': {},
  'edge/prompts': { values: ['edge/outbound', 'edge/signals'], types: ['core/topology', 'core/warmth'] },
  'edge/access': { values: ['edge/signals', 'core/access'], types: ['core/policy'] },
  'edge/signals': { values: ['edge/outbound', 'core/topology'], types: ['core/policy'] },
  'edge/xds': {
    values: ['edge/listen', 'edge/tls', 'edge/http2', 'core/subscriptions', 'core/snapshot', 'core/resources'],
    types: ['core/topology', 'core/rollout'],
  },
  'edge/envoy': { values: ['core/resources'], types: ['core/topology'] },
  'edge/store': {},
  'edge/observe': {
    values: ['edge/listen', 'edge/tls', 'core/topology', 'core/operations', 'core/overload', 'core/zones'],
    types: ['core/control', 'core/load', 'core/weights', 'core/failover', 'core/warmth', 'core/policy'],
  },
  'edge/admin': {
    values: [
      'edge/listen',
      'edge/tls',
      'edge/observe',
      'core/access',
      'core/operations',
      'core/policy',
      'core/dry-run',
    ],
    types: ['edge/store', 'edge/signals', 'core/policy', 'core/snapshot', 'core/topology', 'core/dry-run'],
  },
  'edge/agent': {
    values: ['edge/signals', 'edge/admin', 'edge/observe', 'edge/kubernetes', 'core/topology', 'core/operations'],
    types: ['edge/tls'],
  },
  'edge/fallback': {
    values: ['edge/xds', 'edge/admin', 'edge/store', 'edge/observe', 'core/resources', 'core/snapshot'],
    types: ['edge/tls'],
  },
  'lab/modelserver': {},
  'lab/traffic': {},
  'lab/simulate': {
    values: ['lab/modelserver', 'lab/traffic', 'core/control', 'core/policy', 'core/zones', 'edge/discovery'],
    types: ['core/topology'],
  },
  'lab/rehearse': {
    values: ['lab/simulate', 'lab/modelserver', 'lab/traffic', 'core/topology', 'edge/discovery'],
    types: ['core/policy'],
  },
  'lab/demo': {
    values: ['lab/modelserver', 'lab/traffic', 'edge/envoy', 'core/resources', 'core/topology', 'core/policy'],
  },
};

/** Layers whose rooms may import any room below them. */
const ASSEMBLERS = ['app', 'cli'];

type Edge = {
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly target: string;
  readonly typeOnly: boolean;
};

const source = resolve(import.meta.dirname, '../src');
const files = listFiles(source);
const edges = files.flatMap(importsOf);

describe('the house', () => {
  it('was seen: files and imports were really read', () => {
    expect(files.length).toBeGreaterThan(60);
    expect(edges.length).toBeGreaterThan(150);
  });

  it('has only rooms that the table knows', () => {
    const rooms = new Set(files.map(roomOf));
    const unknown = [...rooms].filter((room) => !(room in TABLE) && !ASSEMBLERS.includes(room));
    expect(unknown).toEqual([]);
  });

  it('imports down and sideways as the table says', () => {
    const wrong = edges.filter((edge) => edge.from !== edge.to && !allowed(edge)).map(words);
    expect(wrong).toEqual([]);
  });

  it('enters a room only through its index', () => {
    const around = edges.filter(
      (edge) => edge.from !== edge.to && !edge.target.endsWith('index.ts') && edge.to !== 'base/errors',
    );
    expect(around.map(words)).toEqual([]);
  });

  it('keeps clocks, timers, files, sockets and the environment out of the core', () => {
    const impure =
      /\bDate\.now\(|\bnew Date\(\)|performance\.now\(|\bset(?:Timeout|Interval|Immediate)\(|process\.(?:env|hrtime|cwd)|Math\.random\(|from 'node:(?!crypto)/;
    const found = files
      .filter((file) => relative(source, file).startsWith('core/') || relative(source, file).startsWith('base/units/'))
      .flatMap((file) =>
        readFileSync(file, 'utf8')
          .split('\n')
          .map((line, at) => ({ line, where: `${relative(source, file)}:${at + 1}` }))
          .filter(({ line }) => impure.test(line) && !/^\s*(\*|\/\/)/.test(line))
          .map(({ line, where }) => `${where} ${line.trim()}`),
      );
    expect(found).toEqual([]);
  });

  it('has no file above 500 lines', () => {
    const long = files
      .map((file) => ({ file: relative(source, file), lines: readFileSync(file, 'utf8').split('\n').length }))
      .filter(({ lines }) => lines > 500);
    expect(long).toEqual([]);
  });

  it('keeps each library in the room that knows it: protobufjs, commander, prom-client, SQLite, x509', () => {
    const strays = files.flatMap((file) => {
      const text = readFileSync(file, 'utf8');
      const room = roomOf(file);
      return [
        ...(/from 'protobufjs/.test(text) && room !== 'base/codec' ? [`${relative(source, file)}: protobufjs`] : []),
        ...(/from 'commander'/.test(text) && room !== 'cli' ? [`${relative(source, file)}: commander`] : []),
        ...(/from '@peculiar\/x509'/.test(text) && room !== 'edge/tls' ? [`${relative(source, file)}: x509`] : []),
        ...(/from 'prom-client'/.test(text) && room !== 'edge/observe'
          ? [`${relative(source, file)}: prom-client`]
          : []),
        ...(/'node-sqlite3-wasm'/.test(text) && !relative(source, file).startsWith('edge/store/embedded/')
          ? [`${relative(source, file)}: node-sqlite3-wasm`]
          : []),
      ];
    });
    expect(strays).toEqual([]);
  });
});

function allowed({ from, to, typeOnly }: Edge): boolean {
  if (to.startsWith('base/')) return from !== 'base/units' && from !== 'base/errors';
  if (from === 'cli') return true;
  if (from === 'app') return to !== 'cli' && !to.startsWith('lab/');
  const row = TABLE[from];
  return row !== undefined && (row.values?.includes(to) === true || (typeOnly && row.types?.includes(to) === true));
}

function words({ file, to, typeOnly }: Edge): string {
  return `${file} imports ${typeOnly ? 'types of ' : ''}${to}`;
}

function listFiles(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? listFiles(path) : path.endsWith('.ts') ? [path] : [];
  });
}

function roomOf(file: string): string {
  const parts = relative(source, file).split('/');
  const layer = parts[0] as string;
  if (ASSEMBLERS.includes(layer)) return layer;
  return `${layer}/${(parts[1] as string).replace(/\.ts$/, '')}`;
}

function importsOf(file: string): Edge[] {
  const text = readFileSync(file, 'utf8');
  const found: Edge[] = [];
  const pattern = /^\s*(?:import|export)\s+(type\s+)?([^'"]*?)from\s+'(\.[^']+)'|import\(\s*'(\.[^']+)'\s*\)/gm;
  for (const match of text.matchAll(pattern)) {
    const specifier = (match[3] ?? match[4]) as string;
    const target = resolve(dirname(file), specifier);
    const names = match[2] ?? '';
    const allInline =
      /^\{[^}]*\}\s*$/.test(names.trim()) &&
      names
        .replace(/[{}\s]/g, '')
        .split(',')
        .filter(Boolean).length > 0 &&
      names
        .replace(/[{}]/g, '')
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean)
        .every((name) => name.startsWith('type '));
    found.push({
      file: relative(source, file),
      from: roomOf(file),
      to: roomOf(target),
      target: relative(source, target),
      typeOnly: match[1] !== undefined || allInline,
    });
  }
  return found;
}
