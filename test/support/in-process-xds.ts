import type { Resource } from '../../src/core/resources/index.ts';
import { makeSnapshot, type Snapshot, type SnapshotKey, snapshotKeyText } from '../../src/core/snapshot/index.ts';
import type { Delivery, LoadReport } from '../../src/core/topology/index.ts';
import { XdsServer } from '../../src/edge/xds/index.ts';

/** What one response carried. */
export type Push = { readonly type: string; readonly group: string; readonly resources: number };

/** Resources of a group, the same for all its nodes or by what they are. */
export type World = readonly Resource[] | ((key: SnapshotKey) => readonly Resource[]);

type InProcessOptions = { readonly maxConnectionAgeMs?: number; readonly address?: string };

/** The xDS server alone, in the process of the test: it sends what the test says and keeps what it hears. */
export class InProcessXds implements AsyncDisposable {
  readonly pushes: Push[] = [];
  readonly reports: LoadReport[] = [];
  readonly refusals: Delivery[] = [];
  readonly warnings: { readonly fields: object; readonly message: string }[] = [];
  readonly #worlds = new Map<string, World>();
  readonly #snapshots = new Map<string, { readonly world: World; readonly snapshot: Snapshot }>();
  readonly #server: XdsServer;

  /** With `maxConnectionAgeMs` every connection ends after that time, give or take a fifth, and its client comes back. */
  static async start(options: InProcessOptions = {}): Promise<InProcessXds> {
    const xds = new InProcessXds(options);
    await xds.#server.start();
    return xds;
  }

  private constructor(options: InProcessOptions) {
    this.#server = new XdsServer({
      address: '127.0.0.1:0',
      ...options,
      snapshots: {
        groups: () => [...this.#worlds.keys()],
        groupsOf: () => [],
        servicesOf: () => new Set(),
        snapshot: (key) => this.#snapshotOf(key),
      },
      inbox: {
        presence: () => {},
        report: (report) => this.reports.push(report),
        delivery: (delivery) => {
          if (delivery.kind === 'Nacked') this.refusals.push(delivery);
        },
      },
      meter: {
        pushed: (type, group, resources) => this.pushes.push({ type, group, resources }),
        answered: () => {},
        streams: () => {},
        reported: () => {},
      },
      log: { info: () => {}, debug: () => {}, warn: (fields, message) => this.warnings.push({ fields, message }) },
      now: () => Date.now(),
      loadReportIntervalMs: 1000,
      // Gathered as in production, for a shorter time.
      debounce: { quietMs: 20, capMs: 200 },
    });
  }

  get address(): string {
    return this.#server.address;
  }

  /** From now on this is what nodes of the group should have. */
  set(group: string, world: World): void {
    this.#worlds.set(group, world);
    this.#server.publish();
  }

  /** Responses to a group, of one type or of all. */
  pushesTo(group: string, type?: string): number {
    return this.pushes.filter((push) => push.group === group && (type === undefined || push.type === type)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(100);
  }

  #snapshotOf(key: SnapshotKey): Snapshot | undefined {
    const world = this.#worlds.get(key.group);
    if (world === undefined) return undefined;
    const text = snapshotKeyText(key);
    const before = this.#snapshots.get(text);
    if (before?.world === world) return before.snapshot;
    const resources = typeof world === 'function' ? world(key) : world;
    const snapshot = makeSnapshot(key, resources, before?.snapshot);
    this.#snapshots.set(text, { world, snapshot });
    return snapshot;
  }
}
