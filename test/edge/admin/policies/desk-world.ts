import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Peer } from '../../../../src/core/access/index.ts';
import { documentTexts, loadPolicyInTurns } from '../../../../src/core/policy/index.ts';
import {
  type AccessSeam,
  type AdminServer,
  connectPolicies,
  createAdminServer,
  type PoliciesClient,
  type PoliciesSeam,
} from '../../../../src/edge/admin/index.ts';
import { EmbeddedStore } from '../../../../src/edge/store/index.ts';
import { FakeLog } from '../../observe/fake-log.ts';
import { QUICK } from '../../store/embedded/stores.ts';

export type World = {
  readonly server: AdminServer;
  readonly store: EmbeddedStore;
  readonly client: PoliciesClient;
  readonly log: FakeLog;
};

/** The Policies service over gRPC on loopback, on a store of its own. */
export async function startWorld(
  ending: (() => unknown)[],
  more: {
    readonly access?: AccessSeam;
    readonly peerOf?: () => Peer;
    readonly seam?: Partial<PoliciesSeam>;
  } = {},
): Promise<World> {
  const folder = mkdtempSync(join(QUICK, 'loadline-desk-'));
  ending.push(() => rmSync(folder, { recursive: true, force: true }));
  const { store } = await EmbeddedStore.open({ folder });
  ending.push(() => store.close());
  const log = new FakeLog();
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  const server = await createAdminServer({
    address: '127.0.0.1:0',
    observe: {
      status: () => expect.fail('not asked'),
      explain: () => ({ ok: false, issues: [] }),
      proxyConfig: () => ({ ok: false, issues: [] }),
    },
    policies: {
      owner: { kind: 'Store', store },
      documentsOf: documentTexts,
      load: (files, reads) => loadPolicyInTurns(files, turn, reads),
      ...more.seam,
    },
    ...(more.access === undefined ? {} : { access: more.access }),
    ...(more.peerOf === undefined ? {} : { peerOf: more.peerOf }),
    log,
  });
  ending.push(() => server.stop());
  const client = connectPolicies(server.address);
  ending.push(() => client.close());
  return { server, store, client, log };
}

export const service = (name: string, more = ''): string => `apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: ${name} } # ${name}
spec:
  hostnames: ["${name}.example"]
${more}  pools:
    - name: gpu
      endpoints:
        static:
          - { address: 10.0.0.1, port: 8000 }
`;

export const group = (name: string, services: readonly string[]): string => `apiVersion: loadline.dev/v1alpha1
kind: SidecarGroup
metadata: { name: ${name} }
spec:
  listeners: [{ name: main, address: 127.0.0.1, port: 10000 }]
  modelServices: [${services.join(', ')}]
`;
