import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AccessKeeper } from '../../src/app/access-keeper.ts';
import { type Loaded, loadTexts } from '../../src/app/policy-keeper.ts';
import type { Peer } from '../../src/core/access/index.ts';
import type { Policy } from '../../src/core/policy/index.ts';
import { OutboundGuard } from '../../src/edge/outbound/index.ts';
import { fleetText } from '../core/control/fleet.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';

const WHO: Peer = { kind: 'Certificate', spiffeId: 'spiffe://m/a' };
const text = (role: string): string => `apiVersion: loadline.dev/v1alpha1
kind: AccessPolicy
metadata: { name: main }
spec:
  bindings:
    - { role: ${role}, services: [chat], identities: [spiffe://m/a] }
`;

let folder: string;
let log: FakeLog;
let keeper: AccessKeeper | undefined;
let reloads: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadline-access-'));
  log = new FakeLog();
  reloads = [];
});

afterEach(() => {
  keeper?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function keep(path: string | undefined, policies: readonly Policy[] = []): AccessKeeper {
  keeper = new AccessKeeper({
    path,
    guard: new OutboundGuard(),
    clock: () => performance.now(),
    log,
    policies: () => policies,
    groupOfNode: () => undefined,
    meter: { refused: () => {}, reloaded: (outcome) => reloads.push(outcome) },
  });
  return keeper;
}

const may = (action: 'View' | 'Operate', service = 'chat'): boolean | undefined =>
  keeper?.may(WHO, action, { kind: 'Service', name: service });

describe('the access policy of a server', () => {
  it('asks also for the services that canaries of a group have, and nobody else yet', () => {
    const stands = loadTexts([{ name: 'a.yaml', text: fleetText({}) }], 1) as Loaded;
    const text = fleetText({})
      .replaceAll('modelServices: [chat]', 'modelServices: [code]')
      .replace('name: chat', 'name: code');
    const tried = loadTexts([{ name: 'b.yaml', text }], 1) as Loaded;
    const access = keep(undefined, [stands.policy, tried.policy]);
    expect(access.servicesOfGroup('lab')).toEqual(['chat', 'code']);
    expect(access.services()).toEqual(['chat', 'code']);
    expect(access.servicesOfGroup('other')).toEqual([]);
    expect(keep(undefined, [stands.policy]).servicesOfGroup('lab')).toEqual(['chat']);
  });

  it('lets nobody do anything without a file, and says so', () => {
    keep(undefined).start();
    expect(may('View')).toBe(false);
    expect(log.lines).toMatchObject([
      ['warn', {}, 'nobody may use the admin API: give an access policy with --access'],
    ]);
  });

  it('keeps the server from starting when it is bad, with the place of each mistake', () => {
    const path = join(folder, 'access.yaml');
    expect(() => keep(path).start()).toThrow(/ENOENT/);
    writeFileSync(path, text('Viwer'));
    expect(() => keep(path).start()).toThrow(
      expect.objectContaining({
        code: 'LOADLINE_ACCESS',
        message: expect.stringMatching(/access\.yaml:6:15 .*did you mean Viewer/),
      }),
    );
    writeFileSync(join(folder, 'other.yaml'), text('Viewer'));
    expect(() => keep(folder).start()).toThrow(/expected one file/);
  });

  it('is read again when it changes; a bad new one changes nothing', async () => {
    const path = join(folder, 'access.yaml');
    writeFileSync(path, text('Viewer'));
    keep(path).start();
    expect([may('View'), may('Operate'), may('View', 'embed')]).toEqual([true, false, false]);
    writeFileSync(path, text('Operator'));
    await expect.poll(() => may('Operate'), { timeout: 10_000 }).toBe(true);
    writeFileSync(path, text('Oprator'));
    await expect.poll(() => reloads, { timeout: 10_000 }).toEqual(['accepted', 'refused']);
    expect([may('View'), may('Operate')]).toEqual([true, true]);
    expect(log.lines.at(-1)).toMatchObject([
      'error',
      { problems: [expect.stringContaining('did you mean Operator?')] },
      'the new access policy is refused; the one before stays in force',
    ]);
    rmSync(path);
    await expect.poll(() => reloads.length, { timeout: 10_000 }).toBe(3);
    expect(may('Operate')).toBe(true);
  }, 40_000);
});
