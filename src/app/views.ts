import type { Result } from '../base/units/index.ts';
import type { ObserveSeam, SnapshotSeam } from '../edge/admin/index.ts';
import {
  buildExplainView,
  buildProxyConfigView,
  buildServerView,
  type ExplainTarget,
  type ExplainView,
  type ProxyConfigTarget,
  type ProxyConfigView,
  type ServerView,
  type SnapshotTarget,
  type SnapshotView,
  type ViewInput,
} from '../edge/observe/index.ts';
import type { XdsServer } from '../edge/xds/index.ts';
import type { Certificates } from './certificates.ts';
import type { ControlLoop } from './control-loop.ts';
import type { Operations } from './operations.ts';
import type { PolicyKeeper } from './policy-keeper.ts';
import type { Probes } from './probes.ts';
import { policyInForce } from './rollout-seams.ts';
import type { Rollouts } from './rollouts.ts';
import type { SignalInputs } from './signal-inputs.ts';
import { snapshotView } from './snapshot-views.ts';
import { VERSION } from './version.ts';

export type ViewsOptions = {
  readonly startedAtMs: number;
  readonly now: () => number;
  readonly loop: ControlLoop;
  readonly xds: XdsServer;
  readonly keeper: PolicyKeeper;
  readonly rollouts: Rollouts;
  readonly signals: SignalInputs;
  readonly probes: Probes;
  readonly operations: Operations;
  /** Undefined without TLS. */
  readonly certificates: Certificates | undefined;
};

/** What the running server tells of itself: to the admin API, to HTTP and to the metrics. Reads, and changes nothing. */
export class Views implements ObserveSeam, SnapshotSeam {
  readonly #options: ViewsOptions;

  constructor(options: ViewsOptions) {
    this.#options = options;
  }

  status(): ServerView {
    return buildServerView(this.#input(this.#options.xds.nodes()));
  }

  /** Without the sidecars: there may be thousands, and series about them are counted elsewhere. */
  metered(): ServerView {
    return buildServerView(this.#input([]));
  }

  explain(target: ExplainTarget): Result<ExplainView> {
    return buildExplainView(this.#input([]), target);
  }

  proxyConfig(target: ProxyConfigTarget): Result<ProxyConfigView> {
    const { now, loop, xds } = this.#options;
    const input = {
      nowMs: now(),
      policyRevision: loop.plan?.policyRevision ?? '',
      node: xds.node(target.node),
      connected: () => xds.nodeIds(),
    };
    return buildProxyConfigView(input, target);
  }

  snapshot(target: SnapshotTarget): Result<SnapshotView> {
    return snapshotView(this.#options, target);
  }

  #input(nodes: ViewInput['nodes']): ViewInput {
    const { startedAtMs, now, loop, keeper, rollouts, signals, probes, operations, certificates } = this.#options;
    const nowMs = now();
    return {
      version: VERSION,
      startedAtMs,
      nowMs,
      tick: loop.state.tick,
      plan: loop.plan,
      loads: loop.loads,
      overload: loop.state.overload,
      failover: loop.state.failover,
      warmth: loop.state.warmth,
      zones: loop.state.zones,
      nodes,
      sources: signals.health(),
      policy: policyInForce(keeper.view(), rollouts),
      tls: certificates?.view(),
      issuedShares: loop.issuedShares,
      reasons: (service) => loop.reasons(service),
      notes: (service) => loop.notes(service),
      evenness: (service) => loop.evenness(service),
      signalAgesMs: loop.signalAgesMs(nowMs),
      loopDelay: (service) => loop.loopDelay(service),
      probe: (service) => probes.view(service),
      operations: operations.views(),
      signals: loop.signalStates(nowMs),
    };
  }
}
