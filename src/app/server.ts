import { aboutServices } from '../core/rollout/index.ts';
import { type AdminServer, createAdminServer, type RolloutAction } from '../edge/admin/index.ts';
import { EnvoyAdmins } from '../edge/envoy/index.ts';
import {
  type EventLoopLagMeter,
  EventTimeline,
  type HttpServer,
  type Log,
  Metrics,
  type ServerView,
  startEventLoopLag,
  startHttpServer,
} from '../edge/observe/index.ts';
import { type AllowList, OutboundGuard } from '../edge/outbound/index.ts';
import { Prompter } from '../edge/prompts/index.ts';
import { XdsServer } from '../edge/xds/index.ts';
import type { AccessKeeper } from './access-keeper.ts';
import { Announcer } from './announcer.ts';
import type { Certificates } from './certificates.ts';
import { type Checkpoint, Checkpoints } from './checkpoints.ts';
import { startClock } from './clock.ts';
import { ControlLoop } from './control-loop.ts';
import { DecisionFeed } from './decision-feed.ts';
import { ControlInbox } from './inbox.ts';
import { KeptStructures } from './kept-structures.ts';
import { Notices } from './notices.ts';
import { OperationTrial } from './operation-trial.ts';
import { Operations } from './operations.ts';
import { PolicyIntake } from './policy-intake.ts';
import { loadTexts, PolicyKeeper } from './policy-keeper.ts';
import { PolicyLoads } from './policy-loads.ts';
import { PolicyNews } from './policy-news.ts';
import { FilePolicies, type PolicySource } from './policy-source.ts';
import { Probes } from './probes.ts';
import { Recorder, type RecordOptions } from './recorder.ts';
import { rolloutSeams, underPolicy } from './rollout-seams.ts';
import { Rollouts } from './rollouts.ts';
import { SignalInputs, sensed } from './signal-inputs.ts';
import { StorePolicies } from './store-policies.ts';
import { timelineEvent } from './timeline-event.ts';
import { type ValidateOptions, Validation } from './validation.ts';
import { VERSION } from './version.ts';
import { Views } from './views.ts';
import { xdsLog, xdsMeter } from './xds-seams.ts';

export type ServerOptions = {
  /** File or folder of policies; undefined: the store in the data directory owns them. */
  readonly policies?: string | undefined;
  /** Data directory: checkpoints, last good policy, store. */
  readonly data: string;
  readonly xds: string;
  readonly admin: string;
  readonly http: string;
  /** File of the access policy; with certificates and without one nobody may use the admin API. */
  readonly access?: string | undefined;
  /** Hosts that may be asked for metrics and keys; undefined: all that are not forbidden to everybody. */
  readonly fetchAllow?: AllowList | undefined;
  /** Which Envoys judge a change before it comes into force; undefined: none does. */
  readonly validate?: ValidateOptions | undefined;
  /** Where ticks are recorded; undefined: nowhere. */
  readonly record?: RecordOptions | undefined;
  /** For mutual TLS on xDS and admin; without them both are for loopback alone. */
  readonly certificates?: Certificates | undefined;
  readonly log: Log;
};

export type Addresses = { readonly xds: string; readonly admin: string; readonly http: string };

const TICK_MS = 1000;
const LOAD_REPORT_INTERVAL_MS = 1000;
/**
 * The server: constructs every room and gives them their beat. The order of its start is a promise: the state is restored
 * and a first Plan stands before any Envoy is let in, so that nobody is ever told "nothing".
 */
export class LoadlineServer {
  readonly #options: ServerOptions;
  readonly #now = startClock();
  readonly #loads = new PolicyLoads();
  readonly #keeper = new PolicyKeeper(this.#loads);
  readonly #timeline = new EventTimeline();
  readonly #decisions = new DecisionFeed();
  readonly #lag: EventLoopLagMeter = startEventLoopLag();
  readonly #metrics: Metrics;
  readonly #policies: PolicySource;
  readonly #checkpoints: Checkpoints;
  readonly #kept: KeptStructures;
  readonly #signals: SignalInputs;
  readonly #prompter: Prompter;
  readonly #inbox: ControlInbox;
  readonly #loop: ControlLoop;
  readonly #probes: Probes;
  readonly #operations: Operations;
  readonly #notices: Notices;
  readonly #trial: OperationTrial;
  readonly #xds: XdsServer;
  readonly #rollouts: Rollouts;
  readonly #announcer: Announcer;
  readonly #guard: OutboundGuard;
  readonly #validation: Validation;
  readonly #intake: PolicyIntake;
  readonly #views: Views;
  #access: AccessKeeper | undefined;
  #recorder: Recorder | undefined;
  #admin: AdminServer | undefined;
  #http: HttpServer | undefined;
  #ticks: NodeJS.Timeout | undefined;
  #ready = false;

  constructor(options: ServerOptions) {
    const { log, certificates } = options;
    this.#options = options;
    this.#metrics = new Metrics({
      version: VERSION,
      view: () => this.#views.metered(),
      eventLoopLag: this.#lag,
    });
    const { policies, data } = options;
    this.#policies = policies === undefined ? new StorePolicies(data, log) : new FilePolicies(policies);
    this.#checkpoints = new Checkpoints(data, log);
    this.#kept = new KeptStructures(data, log, this.#now);
    this.#guard = new OutboundGuard({ allow: options.fetchAllow });
    this.#signals = new SignalInputs({ clock: this.#now, log, metrics: this.#metrics, guard: this.#guard });
    this.#prompter = new Prompter({ guard: this.#guard, settled: (result) => this.#metrics.prompted(result) });
    this.#inbox = new ControlInbox((word) => {
      const event = timelineEvent(word);
      if (event !== undefined) this.#timeline.add(event);
    });
    this.#loop = new ControlLoop(
      this.#inbox,
      () => this.#signals.take(),
      () => this.#prompter.take(),
    );
    this.#announcer = new Announcer({
      log,
      metrics: this.#metrics,
      timeline: this.#timeline,
      loop: this.#loop,
      now: this.#now,
    });
    this.#probes = new Probes({
      loop: this.#loop,
      now: this.#now,
      log,
      happened: (event) => this.#timeline.add(event),
    });
    this.#xds = new XdsServer({
      address: options.xds,
      snapshots: {
        groups: () => this.#loop.groups(),
        groupsOf: (spiffeId) => this.#loop.groupsOf(spiffeId),
        servicesOf: (group) => this.#loop.servicesOf(group),
        snapshot: (key) => this.#loop.snapshot(key),
        trackOf: (node) => (this.#trial.isRunning ? this.#trial : this.#rollouts).trackOf(node),
        zoneOf: (node, zone) => this.#loop.zoneOf(node, zone),
      },
      inbox: this.#inbox,
      ...(certificates === undefined ? {} : { tls: certificates.material }),
      meter: xdsMeter(this.#metrics, certificates),
      log: xdsLog(log),
      now: this.#now,
      loadReportIntervalMs: LOAD_REPORT_INTERVAL_MS,
      openRequests: new EnvoyAdmins({
        settingOf: (group) => this.#rollouts.stable?.policy.groups.find(({ name }) => name === group)?.envoyAdmin,
        log: xdsLog(log),
        asked: (outcome) => this.#metrics.envoyAdminAsked(outcome),
        refusalOf: (host) => this.#guard.refusalOfAddress(host),
        now: this.#now,
      }),
    });
    const seams = rolloutSeams(this.#loop, this.#xds);
    this.#rollouts = new Rollouts({
      ...seams,
      release: VERSION,
      now: this.#now,
      happened: (event) => {
        this.#timeline.add(event);
        const { atMs: _, kind, message, ...about } = event;
        if (kind === 'RolloutReturned') log.error({ ...about }, message);
        else log.info({ ...about }, message);
      },
      ended: (cause, outcome, why, tried) => {
        this.#metrics.rolloutEnded(cause, outcome);
        if (cause === 'Policy' && outcome === 'returned') this.#intake.takeBack(tried, why);
        this.#configureSignals();
        this.#xds.reviewIdentities();
      },
      canaries: (byGroup) => this.#metrics.rolloutCanaries(byGroup),
      isBusy: () => this.#trial.isRunning,
    });
    this.#trial = new OperationTrial({
      ...seams,
      policy: () => this.#rollouts.stable?.policy,
      traffic: () => this.#rollouts.traffic,
      now: this.#now,
    });
    this.#operations = new Operations({
      loop: this.#loop,
      perturbations: () => this.#probes.perturbations,
      trial: this.#trial,
      isBusy: () => this.#rollouts.candidate !== undefined,
      now: this.#now,
      log,
      happened: (event) => this.#timeline.add(event),
      apply: () => this.#tick(),
      save: () => this.#checkpoints.saved(this.#checkpoint()),
      record: (entry) => (this.#policies instanceof StorePolicies ? this.#policies.store.record(entry) : undefined),
    });
    this.#notices = new Notices({
      loop: this.#loop,
      operations: this.#operations,
      access: () => this.#access,
      isOpen: certificates === undefined,
      now: this.#now,
    });
    this.#validation = new Validation(options.validate, {
      data,
      loads: this.#loads,
      loop: this.#loop,
      xds: this.#xds,
      operations: () => this.#operations.everywhere,
      inForce: () => this.#keeper.loaded?.policy.revision,
      stable: () => this.#rollouts.stable?.policy,
      isGood: (revision) => this.#rollouts.isGood(revision),
      now: this.#now,
    });
    this.#intake = new PolicyIntake({
      source: this.#policies,
      loads: this.#loads,
      keeper: this.#keeper,
      gate: this.#validation.gate,
      rollouts: this.#rollouts,
      news: new PolicyNews({
        log,
        metrics: this.#metrics,
        timeline: this.#timeline,
        source: this.#policies.name,
        mutualTls: certificates !== undefined,
        now: this.#now,
      }),
      now: this.#now,
      changed: (became) => {
        this.#configureSignals();
        this.#tick();
        if (became === 'InForce') this.#xds.reviewIdentities();
        else void this.#checkpoints.save(this.#checkpoint());
      },
    });
    this.#views = new Views({
      startedAtMs: this.#now(),
      now: this.#now,
      loop: this.#loop,
      xds: this.#xds,
      keeper: this.#keeper,
      rollouts: this.#rollouts,
      signals: this.#signals,
      probes: this.#probes,
      operations: this.#operations,
      certificates,
    });
  }

  /**
   * Restores, decides once, and listens.
   * @throws LoadlineError LOADLINE_POLICY_UNUSABLE, LOADLINE_STORE, LOADLINE_RECORDING, LOADLINE_BIND
   */
  async start(): Promise<Addresses> {
    await this.#checkpoints.open();
    try {
      return await this.#open();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async #open(): Promise<Addresses> {
    const stored = await this.#checkpoints.load(this.#now(), (files) => this.#loads.load(files));
    const first = await this.#policies.open();
    if (stored !== undefined) {
      const kept = await this.#kept.load(stored.policyFiles);
      this.#rollouts.restore(loadTexts(stored.policyFiles, this.#now(), this.#loads), stored.rollout, kept);
      this.#loop.restore(stored.state, this.#now());
    }
    this.#operations.restore(stored?.operations);
    const isAwaited = this.#intake.start(first, stored?.policyFiles);
    const { record, log } = this.#options;
    if (record !== undefined) this.#recorder = Recorder.open(record, log, this.#now());
    this.#configureSignals();
    this.#tick();
    if (isAwaited) {
      const judged = this.#intake.take(first);
      if (!this.#validation.asksEnvoys) await judged;
    }
    this.#policies.follow((read) => void this.#intake.take(read));
    const { certificates } = this.#options;
    if (certificates !== undefined) this.#access = await this.#openAccess();
    this.#admin = await createAdminServer({
      address: this.#options.admin,
      tls: certificates?.material,
      handshakeFailed: (failure) => certificates?.handshakeFailed('admin', failure),
      observe: this.#views,
      snapshots: this.#views,
      decisions: this.#decisions,
      events: { timeline: this.#timeline, now: this.#now },
      operations: this.#probes,
      byHand: this.#operations,
      notices: this.#notices,
      rollouts: {
        view: () => ({ ...this.#rollouts.view(), byHand: this.#trial.view(this.#operations.tried) }),
        act: (action, reason, by) => this.#actOnRollout(action, reason, by),
        now: this.#now,
      },
      policies: {
        owner: this.#policies.owner,
        load: (files, reads) => this.#loads.loadInTurns(files, reads),
        documentsOf: (file) => this.#loads.documentsOf(file),
        dryRun: this.#validation.dryRuns,
        guard: this.#validation.gate,
      },
      push: this.#signals.push,
      access: this.#access,
      log: this.#options.log,
    });
    this.#http = await startHttpServer({
      address: this.#options.http,
      view: () => this.view(),
      explain: (target) => this.#views.explain(target),
      events: this.#timeline,
      metrics: this.#metrics,
      readiness: () => this.#readiness(),
      notices: this.#notices,
      log: this.#options.log,
    });
    const xds = await this.#xds.start();
    certificates?.start([this.#xds, this.#admin], this.#metrics);
    this.#ready = true;
    this.#ticks = setInterval(() => this.#tick(), TICK_MS);
    return { xds, admin: this.#admin.address, http: this.#http.address };
  }

  /** Rests the weights, saves, ends the streams. Envoys keep what they have. */
  async stop(): Promise<void> {
    this.#ready = false;
    clearInterval(this.#ticks);
    await this.#operations.settled();
    await this.#policies.close();
    await this.#validation.stop();
    this.#options.certificates?.stop();
    this.#signals.stop();
    this.#prompter.stop();
    this.#access?.stop();
    this.#probes.stop();
    if (this.#loop.plan !== undefined && this.#ticks !== undefined) {
      this.#loop.rest();
      this.#xds.publish();
      await this.#xds.published();
      // One turn for the writes to reach the transport before the streams end.
      await new Promise((resolve) => setImmediate(resolve));
      await this.#checkpoints.save(this.#checkpoint());
    }
    await this.#xds.stop();
    await this.#admin?.stop();
    await this.#http?.close();
    await this.#recorder?.close();
    await this.#checkpoints.close();
    this.#lag.stop();
  }

  /** Loaded here, because the engine that decides takes 4 MB, and a server with `--dev` has no use for it. */
  async #openAccess(): Promise<AccessKeeper> {
    const { AccessKeeper } = await import('./access-keeper.ts');
    const access = new AccessKeeper({
      path: this.#options.access,
      guard: this.#guard,
      clock: this.#now,
      log: this.#options.log,
      policies: () => {
        const { stable, candidate } = this.#rollouts;
        return [stable, candidate].flatMap((loaded) => (loaded === undefined ? [] : [loaded.policy]));
      },
      groupOfNode: (id) => this.#xds.node(id)?.group,
      meter: {
        refused: (reason) => this.#metrics.adminRefused(reason),
        reloaded: (outcome) => this.#metrics.accessLoaded(outcome),
      },
    });
    access.start();
    return access;
  }

  view(): ServerView {
    return this.#views.status();
  }

  #readiness(): readonly string[] {
    const reasons = this.#loop.plan === undefined ? ['no policy is in force'] : [];
    if (!this.#ready) reasons.push('xDS does not listen');
    return reasons;
  }

  #tick(): void {
    const resumed = this.#rollouts.resume();
    if (resumed !== undefined) this.#configureSignals();
    const { stable, candidate } = this.#rollouts;
    if (stable === undefined) return;
    const began = performance.now();
    const nowMs = this.#now();
    const { perturbations } = this.#probes;
    const operations = this.#operations.inputOf(nowMs);
    const { tried } = this.#operations;
    const canary = candidate && underPolicy(candidate);
    const ticked = this.#loop.tick(underPolicy(stable), nowMs, { perturbations, operations, canary, tried });
    this.#prompter.send(ticked.prompts);
    const services = [stable, ...(candidate === undefined ? [] : [candidate])].flatMap(({ policy }) => policy.services);
    const reports = aboutServices(ticked.input.reports, services);
    const ended = this.#rollouts.step(reports) !== undefined;
    this.#operations.step(reports);
    this.#publish();
    if (resumed === 'InForce') this.#xds.reviewIdentities();
    this.#metrics.ticked(performance.now() - began);
    this.#recorder?.take({ ...ticked, files: stable.files, decisions: ticked.plan.decisions });
    this.#announcer.ticked(ticked);
    this.#decisions.ticked({ ...ticked, tick: this.#loop.state.tick, atMs: nowMs });
    this.#probes.ticked(ticked);
    this.#operations.ticked(ticked.plan);
    if (this.#loop.state.tick % 60 === 0) this.#loop.retain(this.#xds.keys());
    this.#kept.offer(this.#rollouts.stable?.files ?? stable.files, this.#loop.structures());
    if (ended) void this.#checkpoints.save(this.#checkpoint());
    else this.#checkpoints.offer(this.#checkpoint());
  }

  #publish(): void {
    const moved = [this.#rollouts.takeMoved(), this.#trial.takeMoved()];
    this.#xds.publish(moved.includes(true));
  }

  /** By hand; why it cannot be done, in words. */
  #actOnRollout(action: RolloutAction, reason: string, by: string): string | undefined {
    if (action === 'Force') return this.#intake.force();
    const refusal = this.#rollouts.act(action, reason, by, this.#keeper.loaded);
    if (refusal !== undefined) return refusal;
    if (action === 'Retry') {
      this.#configureSignals();
      this.#tick();
    } else this.#publish();
    void this.#checkpoints.save(this.#checkpoint());
    return undefined;
  }

  #checkpoint(): Checkpoint {
    return {
      state: this.#loop.state,
      operations: this.#operations.book,
      policyFiles: this.#rollouts.stable?.files ?? [],
      rollout: this.#rollouts.memory,
    };
  }

  /** Of what stands, and of what is tried: canaries send requests to its endpoints. */
  #configureSignals(): void {
    const { stable, candidate } = this.#rollouts;
    if (stable === undefined) return;
    const { policy, endpoints } = sensed(stable.policy, candidate?.policy);
    this.#signals.configure(policy, endpoints);
  }
}
