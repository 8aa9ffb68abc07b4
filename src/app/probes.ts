import { type Peer, peerText } from '../core/access/index.ts';
import { endAtMs, factorAt, type Perturbation, ProbeRun, planProbe, WATCH_MS } from '../core/control/index.ts';
import type { OperationsSeam, ProbeEvent, ProbeRequest, ProbeStart } from '../edge/admin/index.ts';
import type { EventKind, Log, NewEvent, ProbeView } from '../edge/observe/index.ts';
import type { ControlLoop, Ticked } from './control-loop.ts';

type Running = { readonly run: ProbeRun; readonly tell: (event: ProbeEvent) => void };

/**
 * Probes under way: each is an input of the ticks until its end, and goes when who asked for it goes. They live in memory
 * alone, so a server that starts again knows of none, and its first tick sends the weights without them.
 */
export class Probes implements OperationsSeam {
  readonly #loop: ControlLoop;
  readonly #now: () => number;
  readonly #log: Log;
  readonly #happened: (event: NewEvent) => void;
  #running: Running[] = [];

  constructor(options: {
    readonly loop: ControlLoop;
    readonly now: () => number;
    readonly log: Log;
    readonly happened: (event: NewEvent) => void;
  }) {
    this.#loop = options.loop;
    this.#now = options.now;
    this.#log = options.log;
    this.#happened = options.happened;
  }

  /** Input of the next tick. */
  get perturbations(): readonly Perturbation[] {
    return this.#running.map(({ run }) => run.perturbation);
  }

  view(service: string): ProbeView | undefined {
    const nowMs = this.#now();
    const running = this.perturbations.find((one) => one.service === service && nowMs < endAtMs(one));
    if (running === undefined) return undefined;
    const { endpoint, reason } = running;
    return { endpoint, factor: factorAt(running, nowMs), endAtMs: endAtMs(running), reason };
  }

  probe(request: ProbeRequest, tell: (event: ProbeEvent) => void, caller: Peer): ProbeStart {
    const { service, pool, address, stepRatio, holdMs, reason } = request;
    const startAtMs = this.#now() + WATCH_MS;
    const endpoint = `${service}/${pool}/${address}`;
    const perturbation: Perturbation = { kind: 'Probe', service, endpoint, stepRatio, startAtMs, holdMs, reason };
    const { state, loads } = this.#loop;
    const facts = { state, loads, perturbations: this.perturbations, moving: this.#loop.moving(service) };
    const planned = planProbe(facts, perturbation);
    if (!planned.ok) return planned;
    const members = this.#loop.plan?.endpoints[service] ?? [];
    const running: Running = { run: new ProbeRun(perturbation, planned.value, members), tell };
    this.#running.push(running);
    this.#log.info({ endpoint, caller: peerText(caller) }, 'probe asked for');
    this.#say(
      'ProbeStarted',
      perturbation,
      `weight ±${(100 * stepRatio).toFixed(0)} %, ${holdMs / 1000} s each: ${reason}`,
    );
    const { neededRequests, expectedRequests } = planned.value;
    tell({ kind: 'Begun', startAtMs, endAtMs: running.run.endAtMs, neededRequests, expectedRequests });
    return { ok: true, cancel: () => this.#cancel(running, 'who asked for it went away') };
  }

  /** After each tick. */
  ticked({ plan, loads, input }: Ticked): void {
    for (const { run, tell } of [...this.#running]) {
      const { service } = run.perturbation;
      const mode = plan.policy.services.find(({ name }) => name === service)?.loadBalancer.weights;
      const step = run.take({
        nowMs: input.nowMs,
        decision: plan.decisions[service],
        endpoints: plan.endpoints[service] ?? [],
        load: loads[service],
        moving: this.#loop.moving(service),
        active: mode === 'Active',
      });
      tell(step.kind === 'Ended' ? { kind: 'Ended', measure: step.measure } : step);
      if (step.kind === 'Going') continue;
      this.#running = this.#running.filter((one) => one.run !== run);
      this.#say('ProbeEnded', run.perturbation, step.kind === 'Ended' ? 'to its end' : step.reason);
    }
  }

  /** When the server stops. */
  stop(): void {
    for (const running of [...this.#running]) {
      running.tell({ kind: 'Aborted', reason: 'the server stops' });
      this.#cancel(running, 'the server stops');
    }
  }

  #cancel(running: Running, why: string): void {
    if (!this.#running.includes(running)) return;
    this.#running = this.#running.filter((one) => one !== running);
    this.#say('ProbeEnded', running.run.perturbation, why);
  }

  #say(kind: EventKind, { endpoint, stepRatio, holdMs, reason }: Perturbation, message: string): void {
    this.#log.info({ endpoint, stepRatio, holdMs, reason }, kind === 'ProbeStarted' ? 'probe started' : 'probe ended');
    const fields = { stepRatio, holdMs, reason };
    this.#happened({ atMs: this.#now(), kind, subject: endpoint, message, fields });
  }
}
