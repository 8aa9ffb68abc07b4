import type { Snapshot, SnapshotKey } from '../../core/snapshot/index.ts';
import type { Delivery, LoadReport, NodePresence, OpenRequests } from '../../core/topology/index.ts';
import type { HandshakeFailure } from '../tls/index.ts';

/** Where streams get what they send. `undefined`: nothing can be said yet, the client keeps waiting (never publish empty). */
export interface SnapshotProvider {
  /** Names of the groups that the policy in force knows. */
  groups(): readonly string[];
  /** Names of the groups that a client with this SPIFFE ID may join. Asked with mutual TLS alone. */
  groupsOf(spiffeId: string): readonly string[];
  /** Names of the services that a group may reach, and so speak of. Asked with mutual TLS alone. */
  servicesOf(group: string): ReadonlySet<string>;
  /** Whether a node tries a change before the others. Absent: nobody does. */
  trackOf?(node: { readonly nodeId: string; readonly group: string }): 'Stable' | 'Canary';
  /**
   * The zone that a node is in, as far as it matters for what it gets: undefined where no service of its group keeps requests in
   * their zone, '' where no server is in the zone that it names. So nodes cannot make up more kinds than the servers have zones.
   */
  zoneOf?(node: Pick<SnapshotKey, 'group' | 'track'>, zone: string): string | undefined;
  /** The current snapshot for a key, compiled when it is the first of its kind. */
  snapshot(key: SnapshotKey): Snapshot | undefined;
}

/** Where everything goes that Envoys say. It is input of the next tick; nothing is decided on arrival. */
export interface Inbox {
  presence(presence: NodePresence): void;
  report(report: LoadReport): void;
  delivery(delivery: Delivery): void;
}

/** Where it is asked what an Envoy has open, when its load reports do not say. */
export interface OpenRequestsSource {
  /** Once for each stream of reports. */
  of(node: {
    readonly id: string;
    readonly group: string;
    /** Address of its connection, without the port. */
    readonly host: string;
    /** Port of its admin interface, as its bootstrap says; undefined where it does not. */
    readonly port: number | undefined;
  }): {
    /** undefined: it is not asked, or does not answer. Never rejects, and takes less than the time between two reports. */
    ask(): Promise<OpenRequests | undefined> | undefined;
  };
}

/** The part of the log that the room uses. */
export interface XdsLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

/** What the metrics want to know, as it happens. */
export interface XdsMeter {
  pushed(type: string, group: string, resources: number): void;
  answered(type: string, latencyMs: number, nacked: boolean): void;
  streams(kind: 'ads' | 'lrs', open: number): void;
  reported(): void;
  /** A call or a connection that was turned away, and why. */
  refused?(reason: 'Busy' | 'Identity' | 'Limit' | 'Protocol'): void;
  /** A client whose certificate was not believed, or that came without TLS 1.3. */
  handshakeFailed?(failure: HandshakeFailure): void;
  /** A bounded wait (make before break) that ended in vain. */
  gaveUp?(type: string): void;
}
