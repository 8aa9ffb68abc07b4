import { describe, expect, it } from 'vitest';
import { ladderOf } from '../../../src/core/overload/index.ts';
import { loaded } from '../policy/load.ts';

const NIGHT = Date.parse('2026-07-01T21:00:00Z');
const DAY = Date.parse('2026-07-01T12:00:00Z');

function ladder(classes: string, lines = '', allow = '[P0, P1, P2, P3]', nowMs = DAY, more = '') {
  const policy = loaded(`apiVersion: loadline.dev/v1alpha1
kind: SidecarGroup
metadata: { name: lab }
spec:
  listeners: [{ name: models, address: 127.0.0.1, port: 15001 }]
  modelServices: [chat]
  trafficClasses: { use: standard, allow: ${allow}, default: P2 }
---
apiVersion: loadline.dev/v1alpha1
kind: TrafficClasses
metadata: { name: standard }
spec: { header: x-class, classes: [{ name: P0, shed: Never }, { name: P1 }, { name: P2 }, ${classes}] }
---
apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: chat }
spec:
  hostnames: ["*"]
${lines}  pools:
    - { name: gpu, endpoints: { static: [{ address: 10.0.0.1, port: 8000 }] } }
    - { name: small, endpoints: { static: [{ address: 10.0.0.2, port: 8000 }] } }
${more}`);
  const [service] = policy.services;
  if (service === undefined) throw new Error('the policy has no service');
  return ladderOf(service, policy, nowMs);
}

const ACTIONS =
  '  overload: { enterAt: 1.2, leaveAt: 0.9, actions: [{ shed: { class: P2, upTo: 50% } }, { shed: { class: P1, upTo: 20% } }] }\n';

describe('the ladder of a service', () => {
  it('has its actions in their order', () => {
    expect(ladder('{ name: P3 }', ACTIONS)).toEqual({
      rungs: [
        { class: 'P2', upToRatio: 0.5 },
        { class: 'P1', upToRatio: 0.2 },
      ],
      early: 0,
      enterAt: 1.2,
      leaveAt: 0.9,
    });
    expect(ladder('{ name: P3 }').rungs).toEqual([]);
  });

  it('begins with classes to be shed first, also where the service says nothing; not with those that nobody may choose', () => {
    expect(ladder('{ name: P3, shed: First }')).toMatchObject({
      rungs: [{ class: 'P3', upToRatio: 1 }],
      early: 0,
      enterAt: 1,
      leaveAt: 0.8,
    });
    expect(ladder('{ name: P3, shed: First }', ACTIONS).rungs.map((rung) => rung.class)).toEqual(['P3', 'P2', 'P1']);
    expect(ladder('{ name: P3, shed: First }', '', '[P1, P2]').rungs).toEqual([]);
    const named = ACTIONS.replace('class: P1', 'class: P3');
    expect(ladder('{ name: P3, shed: First }', named).rungs).toEqual([
      { class: 'P2', upToRatio: 0.5 },
      { class: 'P3', upToRatio: 0.2 },
    ]);
  });

  it('begins earlier with a class whose window is closed, by the clock of its zone', () => {
    const window = '{ name: P3, window: { from: "22:00", to: "06:00", timeZone: Europe/Berlin } }';
    expect(ladder(window, ACTIONS, undefined, DAY)).toMatchObject({ early: 1, rungs: [{ class: 'P3' }, {}, {}] });
    // 23:00 in Berlin.
    expect(ladder(window, ACTIONS, undefined, NIGHT)).toMatchObject({ early: 0, rungs: [{ class: 'P2' }, {}] });
    const inDay = window.replace('"22:00", to: "06:00"', '"14:00", to: "14:01"');
    expect([DAY - 1, DAY, DAY + 59_999, DAY + 60_000].map((at) => ladder(inDay, '', undefined, at).early)).toEqual([
      1, 0, 0, 1,
    ]);
    const protectedToo = window.replace('name: P3', 'name: P3, shed: Never');
    expect(ladder(protectedToo, ACTIONS, undefined, DAY).rungs.map((rung) => rung.class)).toEqual(['P2', 'P1']);
  });

  it('moves a class to another pool where an action says so, and such a class is named by its actions', () => {
    const actions = ACTIONS.replace('{ shed: { class: P1, upTo: 20% } }', '{ degrade: { class: P3, toPool: small } }');
    expect(ladder('{ name: P3, shed: First }', actions).rungs).toEqual([
      { class: 'P2', upToRatio: 0.5 },
      { class: 'P3', upToRatio: 1, toPool: 'small' },
    ]);
  });

  it('never sheds a class that another group protects under the same name', () => {
    const other = `---
apiVersion: loadline.dev/v1alpha1
kind: SidecarGroup
metadata: { name: edge }
spec:
  listeners: [{ name: models, address: 127.0.0.1, port: 15001 }]
  modelServices: [chat]
  trafficClasses: { use: strict, allow: [P3, P4], default: P4 }
---
apiVersion: loadline.dev/v1alpha1
kind: TrafficClasses
metadata: { name: strict }
spec: { header: x-class, classes: [{ name: P3, shed: Never }, { name: P4, shed: First }] }
`;
    for (const p3 of ['shed: First', 'window: { from: "22:00", to: "06:00", timeZone: Europe/Berlin }'])
      expect(ladder(`{ name: P3, ${p3} }`, '', undefined, DAY, other).rungs.map((rung) => rung.class)).toEqual(['P4']);
  });
});
