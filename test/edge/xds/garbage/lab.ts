import { encodeResource } from '../../../../src/base/codec/index.ts';
import { makeSnapshot, type Snapshot } from '../../../../src/core/snapshot/index.ts';
import { XdsServer } from '../../../../src/edge/xds/index.ts';
import { TYPES } from '../../../conformance/protocol.ts';
import { edsCluster, resource, type Spec } from '../../../conformance/resources.ts';

/**
 * Node does not end a connection whose HTTP/2 went wrong in some ways (a frame of a wrong size, say), nor does it notice that
 * its peer is gone: it is keepalive that finds out. In production that takes up to 40 seconds.
 */
const TIMES = { keepaliveMs: 1000, keepaliveTimeoutMs: 3000, idleMs: 3000, sweepMs: 100 };

/** A server whose books the test can read: what it holds open, and whom it has let in. */
export class GarbageLab {
  readonly server: XdsServer;
  readonly open: Record<'ads' | 'lrs', number> = { ads: 0, lrs: 0 };
  /** Node ids that came, less those that left. */
  readonly present: Set<string> = new Set();
  readonly refusals: Map<string, number> = new Map();
  /** Labels that went to the metrics. */
  readonly types: Set<unknown> = new Set();
  reports = 0;
  #snapshot: Snapshot | undefined;

  constructor() {
    this.server = new XdsServer({
      address: '127.0.0.1:0',
      snapshots: {
        groups: () => ['lab'],
        groupsOf: () => [],
        servicesOf: () => new Set(),
        snapshot: () => this.#snapshot,
      },
      inbox: {
        presence: ({ nodeId, kind }) => {
          if (kind === 'Connected') this.present.add(nodeId);
          else this.present.delete(nodeId);
        },
        report: () => {
          this.reports += 1;
        },
        delivery: () => {},
      },
      meter: {
        pushed: (type) => this.types.add(type),
        answered: (type) => this.types.add(type),
        streams: (kind, count) => {
          this.open[kind] = count;
        },
        reported: () => {},
        refused: (reason) => this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1),
      },
      log: { info: () => {}, debug: () => {}, warn: () => {} },
      now: () => Date.now(),
      loadReportIntervalMs: 1000,
      connectionTimes: TIMES,
    });
  }

  get port(): number {
    return Number(this.server.address.split(':').at(-1));
  }

  async start(): Promise<void> {
    this.change(0);
    await this.server.start();
  }

  /** Revision of the assignment of `chat`; nothing else ever changes. */
  change(rev: number): void {
    const specs: readonly Spec[] = [edsCluster('chat'), revision(rev), resource('lds', 'listener')];
    const resources = specs.map(({ type, name, json, needs }) => ({
      ...encodeResource({ typeUrl: TYPES[type].url, name, json }),
      needs: needs.map((ref) => ({ typeUrl: TYPES[ref.type].url, name: ref.name })),
    }));
    const key = { group: 'lab', release: '1.40', listenerOverrides: {} };
    this.#snapshot = makeSnapshot(key, resources, this.#snapshot);
    this.server.publish();
  }
}

export function revision(rev: number): Spec {
  return resource('eds', 'chat', rev + 1);
}
