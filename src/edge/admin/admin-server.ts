import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { LoadlineError } from '../../base/errors.ts';
import { parseAddress, type Result } from '../../base/units/index.ts';
import type { Peer } from '../../core/access/index.ts';
import { Acceptor } from '../listen/index.ts';
import type {
  ExplainTarget,
  ExplainView,
  Log,
  NoticeSeam,
  ProxyConfigTarget,
  ProxyConfigView,
  ServerView,
} from '../observe/index.ts';
import type { ClientCertificate, HandshakeFailure, TlsMaterial } from '../tls/index.ts';
import { adminService } from './admin-service.ts';
import { type ByHandSeam, byHandHandlers } from './by-hand-service.ts';
import { callersOf, type IncomingCall } from './caller.ts';
import { DecisionStreams, type DecisionsSeam } from './decision-streams.ts';
import { EventStreams, type EventsSeam } from './event-streams.ts';
import { decodeTarget, encodeExplain } from './explain-message.ts';
import { type AccessSeam, Gate, type Permit } from './gate.ts';
import { noticeHandlers } from './notice-service.ts';
import type { StreamCall } from './open-streams.ts';
import type { PoliciesSeam } from './policies/policies-seam.ts';
import { policiesService } from './policies/policies-service.ts';
import {
  decodeProbeRequest,
  encodeProbeEvent,
  type ProbeEvent,
  type ProbeRequest,
  type ProbeStart,
} from './probe-message.ts';
import { decodeProxyTarget, encodeProxyConfig } from './proxy-config-message.ts';
import { type PushSeam, pushService, signalsService } from './push-service.ts';
import { refusalStatus } from './refusal-status.ts';
import { bounded, MAX_MESSAGE_BYTES } from './request-limits.ts';
import { type RolloutSeam, rolloutHandlers } from './rollout-service.ts';
import { type SnapshotSeam, SnapshotStreams } from './snapshot-streams.ts';
import { encodeStatus } from './status-message.ts';
import { visibleStatus, withoutEndpoints } from './visible-status.ts';
import type { Wire } from './wire-values.ts';

/** What the Observe service reads from. Called on each request; must not block. */
export interface ObserveSeam {
  status(): ServerView;
  explain(target: ExplainTarget): Result<ExplainView>;
  proxyConfig(target: ProxyConfigTarget): Result<ProxyConfigView>;
}

/** What the Operations service changes. Called on each request; must not block. */
export interface OperationsSeam {
  /** Begins a probe. `tell` hears what becomes of it, `Ended` or `Aborted` last; nothing comes after a cancel. */
  probe(request: ProbeRequest, tell: (event: ProbeEvent) => void, caller: Peer): ProbeStart;
}

export type AdminServerOptions = {
  /** `HOST:PORT` or `unix:PATH`; port 0 takes a free one. */
  readonly address: string;
  readonly observe: ObserveSeam;
  /** What happened; without it the method Events is not served. */
  readonly events?: EventsSeam;
  /** The content of what sidecars should have; without it the method Snapshot is not served. */
  readonly snapshots?: SnapshotSeam;
  /** What each tick decided; without it the method WatchDecisions is not served. */
  readonly decisions?: DecisionsSeam;
  /** Absent: this server changes nothing, and says UNIMPLEMENTED. */
  readonly operations?: OperationsSeam;
  /** What operators do by hand; without it these methods are not served. */
  readonly byHand?: ByHandSeam;
  /** Who hears that machines go away; without it the method GiveNotice is not served. */
  readonly notices?: NoticeSeam;
  /** What is tried on canaries; without it the service Rollouts is not served. */
  readonly rollouts?: RolloutSeam;
  /** Where policies are read and changed; without it the service Policies is not served. */
  readonly policies?: PoliciesSeam;
  /** Who takes what agents push; without it the service Signals is not served. */
  readonly push?: PushSeam;
  /** Mutual TLS. Without it the server is for loopback alone. */
  readonly tls?: TlsMaterial | undefined;
  /** A client that was not let in. */
  readonly handshakeFailed?: (failure: HandshakeFailure) => void;
  /** Who may do what. Without it everybody may do everything, so only where just this machine can connect. */
  readonly access?: AccessSeam | undefined;
  /** How the connection of a call tells who it belongs to; by its certificate unless a test says otherwise. */
  readonly peerOf?: (call: IncomingCall) => Peer;
  readonly log: Log;
};

export interface AdminServer {
  /** As it listens, with the port that was taken. */
  readonly address: string;
  /** Handshakes from now on use this; calls that are under way go on. */
  renewTls(tls: TlsMaterial): void;
  /** Ends the connections of clients whose certificate counts no more; the verdict is the reason. */
  endClients(verdict: (client: ClientCertificate) => string | undefined): void;
  /** Lets answers under way finish for a moment, then ends every connection. */
  stop(): Promise<void>;
}

const STOP_GRACE_MS = 1_000;

/**
 * The gRPC side of the admin API. Connections are accepted here and given to grpc-js: it can neither take other certificates
 * without an experimental API nor be told to speak TLS 1.3 alone.
 * @throws LoadlineError LOADLINE_CONFIG for an address that is none, LOADLINE_BIND when it cannot be listened on
 */
export async function createAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const parsed = parseAddress(options.address);
  if (!parsed.ok) throw new LoadlineError('LOADLINE_CONFIG', `admin ${parsed.issues[0]?.message}`);
  const { observe, operations, log, access, peerOf = callersOf(options.tls !== undefined) } = options;
  const gate = new Gate({ access, peerOf, log });
  const server = new Server({
    interceptors: [gate.interceptor],
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.enable_channelz': 0,
    // An agent whose machine went away is noticed within its lease.
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
  });
  const serve = (service: ServiceDefinition, handlers: Parameters<Gate['guard']>[1]): void =>
    server.addService(bounded(service), gate.guard(service, handlers));
  if (operations !== undefined)
    serve(adminService('Operations'), {
      probe: probing(log, operations),
      ...(options.byHand === undefined ? {} : byHandHandlers(options.byHand, log)),
      ...(options.notices === undefined ? {} : noticeHandlers(options.notices, log)),
    });
  const events = options.events === undefined ? undefined : new EventStreams(options.events, log);
  const snapshots = options.snapshots === undefined ? undefined : new SnapshotStreams(options.snapshots, log);
  const decisions = options.decisions === undefined ? undefined : new DecisionStreams(options.decisions, log);
  serve(adminService('Observe'), {
    status: unary(log, 'Status', (request, permit) => {
      const view = visibleStatus(observe.status(), permit);
      const told = request.withoutEndpoints === true ? withoutEndpoints(view) : view;
      return { ok: true, value: encodeStatus(told), warnings: [] };
    }),
    explain: unary(log, 'Explain', (request) => {
      const target = decodeTarget(request);
      if (target.endpoint !== undefined && target.pool === undefined) {
        return refuse('Invalid', 'an endpoint needs the name of its pool');
      }
      const found = observe.explain(target);
      return found.ok ? { ...found, value: encodeExplain(found.value) } : found;
    }),
    proxyConfig: unary(log, 'ProxyConfig', (request) => {
      const found = observe.proxyConfig(decodeProxyTarget(request));
      return found.ok ? { ...found, value: encodeProxyConfig(found.value) } : found;
    }),
    ...(events === undefined ? {} : { events: (call: StreamCall, permit: Permit) => void events.serve(call, permit) }),
    ...(decisions === undefined
      ? {}
      : { watchDecisions: (call: StreamCall, permit: Permit) => void decisions.serve(call, permit) }),
    ...(snapshots === undefined ? {} : { snapshot: (call: StreamCall) => void snapshots.serve(call) }),
  });
  if (options.rollouts !== undefined) serve(adminService('Rollouts'), rolloutHandlers(options.rollouts, log));
  const policies = options.policies === undefined ? undefined : policiesService(options.policies, log);
  if (policies !== undefined) serve(adminService('Policies'), policies.handlers);
  const push = options.push === undefined ? undefined : pushService(options.push, log);
  if (push !== undefined) serve(signalsService(), push.handlers);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const acceptor = new Acceptor({
    tls: options.tls,
    connected: (socket) => injector.injectConnection(socket),
    failed: (failure) => {
      log.debug({ ...failure }, 'connection failed');
      options.handshakeFailed?.(failure);
    },
  });
  const address = await acceptor.listen(parsed.value, options.address, 'admin');
  return {
    address,
    renewTls: (tls) => acceptor.renew(tls),
    endClients: (verdict) => acceptor.cutClients((client) => verdict(client) !== undefined),
    stop: () => {
      push?.stop();
      policies?.stop();
      events?.stop();
      snapshots?.stop();
      decisions?.stop();
      return stop(server, acceptor);
    },
  };
}

/** One method: bad input becomes a status with its words, a thrown error INTERNAL without them; the log has it. */
function unary(log: Log, method: string, handle: (request: Wire, permit: Permit) => Result<Wire>) {
  return (call: ServerUnaryCall<Wire, Wire>, callback: sendUnaryData<Wire>, permit: Permit): void => {
    try {
      const answer = handle(call.request, permit);
      if (answer.ok) callback(null, answer.value);
      else callback(refusalStatus(answer.issues));
    } catch (error) {
      log.error({ err: error, method }, 'admin request failed');
      callback({ code: status.INTERNAL, details: 'the server failed to answer; its log says why' });
    }
  };
}

/** A probe lives as long as its call: who goes away ends it. */
function probing(log: Log, operations: OperationsSeam) {
  return (call: ServerWritableStream<Wire, Wire>, permit: Permit): void => {
    try {
      const tell = (event: ProbeEvent): void => {
        call.write(encodeProbeEvent(event));
        if (event.kind === 'Ended' || event.kind === 'Aborted') call.end();
      };
      const started = operations.probe(decodeProbeRequest(call.request), tell, permit.peer);
      if (started.ok) call.on('cancelled', started.cancel);
      else call.emit('error', refusalStatus(started.issues));
    } catch (error) {
      log.error({ err: error, method: 'Probe' }, 'admin request failed');
      call.emit('error', { code: status.INTERNAL, details: 'the server failed to answer; its log says why' });
    }
  };
}

function refuse(code: string, message: string): Result<Wire> {
  return { ok: false, issues: [{ code, path: '', message }] };
}

async function stop(server: Server, acceptor: Acceptor): Promise<void> {
  const gone = acceptor.close();
  const late = setTimeout(() => {
    server.forceShutdown();
    acceptor.cut();
  }, STOP_GRACE_MS);
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  await gone;
  clearTimeout(late);
}
