import type { DryRunReport } from '../../../src/core/dry-run/index.ts';

const position = { file: 'chat.yaml', line: 12, column: 7 };

/** A report with something of everything. */
export const A_REPORT: DryRunReport = {
  from: '0000000000000001',
  to: '0000000000000002',
  policy: {
    items: [
      {
        change: 'Changed',
        kind: 'ModelService',
        name: 'chat',
        path: 'spec.timeouts.connect',
        before: '2s',
        after: '5s',
        position,
      },
      { change: 'Added', kind: 'ModelService', name: 'embed', path: '', position: { ...position, line: 30 } },
      { change: 'Removed', kind: 'ModelService', name: 'chat', path: 'spec.rateLimits[all]', before: '{ name: all }' },
    ],
    more: 0,
  },
  snapshots: {
    items: [
      {
        receivers: [
          {
            group: 'lab',
            release: '1.40',
            ownListeners: ['models'],
            endpointsOnly: false,
            nodeCount: 12,
            nodes: ['a', 'b'],
          },
          { group: '', release: '1.36', ownListeners: [], endpointsOnly: true, nodeCount: 0, nodes: [] },
        ],
        resources: {
          items: [
            {
              change: 'Changed',
              type: 'cds',
              name: 'chat',
              position,
              fields: {
                items: [
                  { path: 'connect_timeout', before: '2s', after: '5s' },
                  { path: 'outlier_detection', after: { interval: '5s', list: [1, null, true] } },
                  { path: 'gone', before: 0 },
                ],
                more: 3,
              },
            },
            { change: 'Added', type: 'lds', name: 'models', fields: { items: [], more: 0 } },
          ],
          more: 7,
        },
      },
    ],
    more: 2,
  },
  pushes: [
    {
      type: 'cds',
      change: 'Changed',
      effect: 'Disruptive',
      cost: 'it is built anew',
      source: 'facts/envoy-live.md 6',
      resources: { items: ['chat'], more: 1 },
      nodeCount: 12,
    },
    {
      type: 'eds',
      change: 'Changed',
      effect: 'None',
      cost: 'nothing is rebuilt',
      source: 'facts/envoy-live.md 1',
      resources: { items: ['chat'], more: 0 },
      nodeCount: 1,
    },
  ],
  weights: {
    items: [
      { service: 'chat', endpoint: 'chat/gpu/10.0.0.1:8000', before: { weight: 1000, share: 0.5 } },
      { service: 'chat', endpoint: 'chat/gpu/10.0.0.2:8000', after: { weight: 250, share: 0.125 } },
      {
        service: 'chat',
        endpoint: 'chat/gpu/10.0.0.3:8000',
        before: { weight: 1000, share: 0.5 },
        after: { weight: 1000, share: 0.875 },
      },
    ],
    more: 4,
  },
  shrink: {
    endpoints: { before: 2, after: 2, removed: 1 },
    clusters: { before: 1, after: 2, removed: 0 },
    removedRatio: 0.5,
  },
  verdict: {
    mode: 'Prefer',
    outcome: 'Refused',
    publishable: false,
    reason: '2 more snapshots were not looked at',
    checks: [
      { group: 'lab', release: '1.40', envoy: '1.40.0', outcome: 'Accepted', cached: true, problems: [] },
      {
        group: 'lab',
        release: '1.36',
        envoy: '1.36.4',
        outcome: 'Refused',
        cached: false,
        problems: [
          { message: "route: unknown\ncluster 'chat'", resource: { type: 'cds', name: 'chat' }, position },
          { message: 'something else' },
        ],
      },
    ],
  },
};
