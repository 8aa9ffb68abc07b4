import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { dryRunText } from '../../src/cli/diff-words.ts';
import { A_REPORT } from '../core/dry-run/a-report.ts';

const NOTHING = { items: [], more: 0 };

describe('a dry run in words', () => {
  it('says what changes, who gets it, what it costs, where requests go, what is taken away, and what Envoy says', () => {
    expect(dryRunText(A_REPORT, false)).toBe(`What changes in the policy
  ~ ModelService/chat spec.timeouts.connect: 2s -> 5s  (chat.yaml:12:7)
  + ModelService/embed  (chat.yaml:30:7)
  - ModelService/chat spec.rateLimits[all]: { name: all }

Who gets what
  group lab, Envoy 1.40, models at addresses of their own: 12 sidecars (a, b, …); endpoints only, Envoy 1.36: nobody now
    ~ cluster chat
        connect_timeout: 2s -> 5s
        outlier_detection: nothing -> {"interval":"5s","list":[1,null,true]}
        gone: 0 -> nothing
        and 3 more
    + listener models
    and 7 more

What it costs
  disruptive: changes cluster chat and more (cds, 12 sidecars): it is built anew
  free: changes endpoints of chat (eds, 1 sidecar): nothing is rebuilt

Where new requests go
  chat/gpu/10.0.0.1:8000: 50.0 % -> - (weight 1000 -> -)
  chat/gpu/10.0.0.2:8000: - -> 12.5 % (weight - -> 250)
  chat/gpu/10.0.0.3:8000: 50.0 % -> 87.5 % (weight 1000 -> 1000)
  and 4 more

What is taken away
  1 of 2 endpoints and 0 of 1 clusters: 50 %

What Envoy says
  Envoy refuses the configuration: it will not be published (2 more snapshots were not looked at)
  group lab, for Envoys 1.40: taken by Envoy 1.40.0, as it said before
  group lab, for Envoys 1.36: refused by Envoy 1.36.4
    cluster chat: route: unknown cluster 'chat'  (chat.yaml:12:7)
    something else
`);
  });

  it('says the same in colour', () => {
    const coloured = dryRunText(A_REPORT, true);
    expect(stripVTControlCharacters(coloured)).toBe(dryRunText(A_REPORT, false));
    expect(coloured).not.toBe(stripVTControlCharacters(coloured));
  });

  it('says of a change without effect that there is none', () => {
    const verdict = { ...A_REPORT.verdict, outcome: 'Accepted', publishable: true, reason: '', checks: [] } as const;
    const shrink = { ...A_REPORT.shrink, removedRatio: 0 };
    const report = { ...A_REPORT, policy: NOTHING, snapshots: NOTHING, pushes: [], weights: NOTHING, shrink, verdict };
    expect(dryRunText(report, false)).toBe(
      'What Envoy says\n  Envoy takes the configuration\n\nEnvoys get nothing new.\n',
    );
  });
});
