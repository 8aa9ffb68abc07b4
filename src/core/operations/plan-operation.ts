import { type Issue, own, type Result } from '../../base/units/index.ts';
import type { Perturbation, Plan } from '../control/index.ts';
import type { ServiceLoad } from '../load/index.ts';
import { carriersOf, type ModelService } from '../policy/index.ts';
import { type Endpoint, hostPort } from '../topology/index.ts';
import type { ServiceDecision } from '../weights/index.ts';
import { checkRequest } from './check-request.ts';
import { interruptionOf } from './interruption.ts';
import { freezeOf } from './operated.ts';
import type { Operation, Shed } from './operation.ts';
import { remainingLoad } from './remaining-load.ts';
import { type OperationRequest, reasonOf } from './request.ts';
import { isCarried, isDrain, takenOut, takesOut } from './taken-out.ts';
import { timeText } from './words.ts';

/** What stands when an operation is asked for. */
export type OperationFacts = {
  readonly nowMs: number;
  /** As sent, with the operations that run. */
  readonly plan: Plan | undefined;
  readonly loads: Readonly<Record<string, ServiceLoad>>;
  readonly running: readonly Operation[];
  /** Probes under way. */
  readonly perturbations: readonly Perturbation[];
};

const MAX_RUNNING = 200;
/** Machines that go away, all at once where a cloud has need of them; they do not take the place of what people do. */
const MAX_INTERRUPTIONS = 1000;
const NAMES_SHOWN = 20;
/** The knee: beyond it requests queue. */
const KNEE = 1;

type Verdict = { readonly issues: readonly Issue[]; readonly notes: readonly Issue[] };

const FINE: Verdict = { issues: [], notes: [] };

/**
 * Whether an operation may begin now. Issues are `Invalid` (a field is wrong), `NotFound` (no such target; the known ones are
 * named), `Refused` (not now, and whether force would help). Warnings are what whoever begins it should know.
 */
export function planOperation(
  facts: OperationFacts,
  request: OperationRequest,
  { id, author }: { readonly id: string; readonly author: string },
): Result<Operation> {
  const wrong = checkRequest(request, facts.nowMs);
  if (wrong !== undefined) return { ok: false, issues: [wrong] };
  const service = facts.plan?.policy.services.find(({ name }) => name === request.service);
  const decision = own(facts.plan?.decisions, request.service);
  const endpoints = own(facts.plan?.endpoints, request.service);
  if (service === undefined || decision === undefined || endpoints === undefined)
    return refused(notFound('service', request.service, facts.plan?.policy.services ?? []));
  const most = mostOf(request);
  if (facts.running.filter((one) => mostOf(one) === most).length >= most)
    return refused(issue('Refused', '', `${most} operations run already`, 'cancel some: loadline operations list'));
  const missing = missingTarget(request, service, endpoints) ?? missingClass(request, facts.plan);
  if (missing !== undefined) return refused(missing);
  const operation = operationOf(request, { id, author, nowMs: facts.nowMs }, decision);
  const { issues, notes } = verdictOn(operation, { ...facts, service, decision, endpoints });
  const hard = issues.filter(({ code }) => code !== 'Forceable');
  if (hard.length > 0) return { ok: false, issues: hard };
  if (issues.length === 0) return { ok: true, value: operation, warnings: notes };
  if (!request.force)
    return { ok: false, issues: issues.map((one) => ({ ...one, code: 'Refused', hint: one.hint ?? FORCE_HINT })) };
  const overridden = issues.map(({ message }) => note(`forced although ${message}`));
  return { ok: true, value: { ...operation, forced: true }, warnings: [...overridden, ...notes] };
}

const FORCE_HINT = 'use --force to do it all the same';

function operationOf(
  request: OperationRequest,
  { id, author, nowMs }: { readonly id: string; readonly author: string; readonly nowMs: number },
  decision: ServiceDecision,
): Operation {
  const { service, endsAtMs, idempotencyKey, now } = request;
  const begun = {
    id,
    service,
    reason: reasonOf(request),
    author,
    startedAtMs: nowMs,
    endsAtMs,
    forced: false,
    ...(now === true ? { now } : {}),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
  switch (request.kind) {
    case 'Freeze': {
      const weights = decision.endpoints
        .filter(({ health }) => health === 'Healthy')
        .map((one) => [one.id, one.weight]);
      return { ...begun, kind: 'Freeze', weights: Object.fromEntries(weights) };
    }
    case 'Drain': {
      const { pool, endpoint, interruption } = request;
      return {
        ...begun,
        ...(interruption === undefined ? {} : { interruption, forced: nowMs >= interruption.lastCallMs }),
        kind: 'Drain',
        ...(pool === undefined ? {} : { pool }),
        ...(endpoint === undefined ? {} : { endpoint }),
      };
    }
    case 'Failover':
      return {
        ...begun,
        kind: 'Failover',
        from: request.from,
        ...(request.to === undefined ? {} : { to: request.to }),
      };
    case 'Shed':
      return {
        ...begun,
        kind: 'Shed',
        percent: request.percent,
        ...(request.class === undefined ? {} : { class: request.class }),
      };
  }
}

function mostOf(what: OperationRequest | Operation): number {
  return what.kind === 'Drain' && what.interruption !== undefined ? MAX_INTERRUPTIONS : MAX_RUNNING;
}

function missingTarget(
  request: OperationRequest,
  { pools }: ModelService,
  endpoints: readonly Endpoint[],
): Issue | undefined {
  const noPool = (path: string, name: string | undefined): Issue | undefined =>
    name === undefined || pools.some((pool) => pool.name === name) ? undefined : notFound(path, name, pools, 'pool');
  if (request.kind === 'Failover') {
    const { from, to } = request;
    const missing = noPool('from', from) ?? noPool('to', to);
    if (missing !== undefined) return missing;
    return from === to ? issue('Invalid', 'to', `the pool ${from} cannot take over from itself`) : undefined;
  }
  if (request.kind !== 'Drain') return undefined;
  const { service, pool, endpoint } = request;
  if (endpoint !== undefined && pool === undefined)
    return issue('Invalid', 'pool', 'an endpoint needs the name of its pool');
  const missing = noPool('pool', pool);
  if (missing !== undefined || endpoint === undefined) return missing;
  const own = endpoints.filter((one) => one.pool === pool);
  if (own.some(({ id }) => id === `${service}/${pool}/${endpoint}`)) return undefined;
  return notFound(
    'endpoint',
    endpoint,
    own.map(({ address, port }) => ({ name: hostPort(address, port) })),
  );
}

/** A class that no group lets its clients choose for the service: nothing would be shed. */
function missingClass(request: OperationRequest, plan: Plan | undefined): Issue | undefined {
  if (request.kind !== 'Shed' || request.class === undefined) return undefined;
  const { service, class: asked } = request;
  const groups = plan?.policy.groups.filter(({ modelServices }) => modelServices.includes(service)) ?? [];
  const names = [...new Set(groups.flatMap(({ trafficClasses }) => trafficClasses?.allow ?? []))];
  if (names.includes(asked)) return undefined;
  if (names.length > 0)
    return notFound(
      'class',
      asked,
      names.map((name) => ({ name })),
    );
  return issue(
    'NotFound',
    'class',
    `no class ${JSON.stringify(asked)}: no group that reaches ${service} has traffic classes`,
    'leave it out: the percentage is then of all requests',
  );
}

type Stand = OperationFacts & {
  readonly service: ModelService;
  readonly decision: ServiceDecision;
  readonly endpoints: readonly Endpoint[];
};

function verdictOn(operation: Operation, stand: Stand): Verdict {
  switch (operation.kind) {
    case 'Freeze':
      return freezeVerdict(operation, stand);
    case 'Shed':
      return shedVerdict(operation, stand);
    case 'Drain':
    case 'Failover':
      return drainVerdict(operation, stand);
  }
}

function freezeVerdict({ service }: Operation, { running, perturbations }: Stand): Verdict {
  const stands = freezeOf(running, service);
  if (stands !== undefined)
    return hard(
      `the weights of ${service} are frozen already, until ${timeText(stands.endsAtMs)} (${stands.id})`,
      `loadline unfreeze ${service} first`,
    );
  const probe = perturbations.find((one) => one.service === service);
  return probe === undefined
    ? FINE
    : hard(`a probe of ${probe.endpoint} moves weights now`, 'wait for its end, or interrupt it');
}

function shedVerdict({ service, percent, class: name }: Shed, { running }: Stand): Verdict {
  const notes: Issue[] = [];
  const of = name === undefined ? service : `${service} of class ${name}`;
  if (percent === 100) notes.push(note(`every new request of ${of} is refused`));
  for (const other of running)
    if (other.kind === 'Shed' && other.service === service && other.class === name)
      notes.push(
        note(`${other.id} sheds ${other.percent} % until ${timeText(other.endsAtMs)}: the larger of the two counts`),
      );
  return { issues: [], notes };
}

function drainVerdict(operation: Operation, stand: Stand): Verdict {
  const { endpoints, decision, running, loads, plan } = stand;
  const name = operation.service;
  const out = endpoints.filter((endpoint) => takesOut(operation, endpoint));
  if (out.length === 0) return hard(`there is no endpoint in it to take out`);
  const before = takenOut(running, stand.service, endpoints).by;
  const drains = new Set(decision.endpoints.filter(({ health }) => health === 'Draining').map(({ id }) => id));
  const outIds = new Set(out.map(({ id }) => id));
  const stays = (id: string): boolean => !outIds.has(id) && !drains.has(id) && !before.has(id);
  const reached = new Set(carriersOf(stand.service).flat());
  const active = endpoints.filter(({ lifecycle }) => lifecycle === 'Active');
  const rest = active.filter(({ id, pool }) => reached.has(pool) && stays(id));
  const isEmptied = !isCarried(
    stand.service,
    active.filter(({ id }) => !drains.has(id) && !before.has(id)),
    ({ id }) => stays(id),
  );
  const restIds = new Set(rest.map(({ id }) => id));
  const notes: Issue[] = [];
  const already = [...new Set(out.flatMap(({ id }) => before.get(id) ?? []))];
  for (const other of already)
    notes.push(
      note(`${other.id} takes out some of them already, until ${timeText(other.endsAtMs)}: the later end counts`),
    );
  // Of a machine that goes away every service is told by itself.
  if (interruptionOf(operation) === undefined)
    for (const service of sharedWith(out, name, plan))
      notes.push(note(`an address of them also serves ${service}, which is not touched`));
  const interruption = interruptionOf(operation);
  if ((rest.length === 0 || isEmptied) && interruption !== undefined) {
    const until = operation.forced ? '' : `: it goes on taking requests until ${timeText(interruption.lastCallMs)}`;
    return { issues: [], notes: [...notes, note(`${emptyWords(name, running, drains.size > before.size)}${until}`)] };
  }
  if (rest.length === 0) return { issues: [forceable(emptyWords(name, running, drains.size > before.size))], notes };
  if (isEmptied) {
    const why = 'no pool with a share in the split, and of the same modelRevision, would be left to step in';
    return { issues: [forceable(`${why}: a part of the requests of ${name} would be answered with 503`)], notes };
  }
  const { ratio, now, inFlight } = remainingLoad(own(loads, name), (id) => restIds.has(id)) ?? {};
  if (ratio === undefined || now === undefined) {
    notes.push(
      note(
        `how full the ${rest.length} that stay will be is not known: nobody reports load, or a batch limit is unknown`,
      ),
    );
    return { issues: [], notes };
  }
  const numbers = `${rest.length} of ${endpoints.length} endpoints would carry all: ${percentText(ratio)} of what they can do by what was learned, where it is ${percentText(now)} now (${inFlight?.toFixed(0)} requests in flight)`;
  if (operation.kind === 'Failover' && ratio > KNEE) return { issues: [forceable(numbers)], notes };
  return { issues: [], notes: [...notes, note(numbers)] };
}

function emptyWords(service: string, running: readonly Operation[], lost: boolean): string {
  const others = running.filter((one) => one.service === service && isDrain(one)).map(({ id }) => id);
  const because = [...others, ...(lost ? ['endpoints that drain by themselves'] : [])];
  return `no endpoint of ${service} would be left to take requests${because.length === 0 ? '' : ` (with ${because.join(', ')})`}`;
}

/** Other services that know one of the addresses: a server is often meant when an endpoint is named. */
function sharedWith(out: readonly Endpoint[], service: string, plan: Plan | undefined): readonly string[] {
  const addresses = new Set(out.map(({ address, port }) => hostPort(address, port)));
  return Object.entries(plan?.endpoints ?? {})
    .filter(
      ([name, all]) => name !== service && all.some(({ address, port }) => addresses.has(hostPort(address, port))),
    )
    .map(([name]) => name);
}

function notFound(path: string, name: string, known: readonly { readonly name: string }[], what: string = path): Issue {
  const shown = known.slice(0, NAMES_SHOWN).map((one) => one.name);
  const more = known.length > shown.length ? ` and ${known.length - shown.length} more` : '';
  const list = known.length === 0 ? `there is no ${what} at all` : `known: ${shown.join(', ')}${more}`;
  return issue('NotFound', path, `no ${what} ${JSON.stringify(name)}; ${list}`);
}

function percentText(ratio: number): string {
  return `${(100 * ratio).toFixed(0)} %`;
}

function refused(one: Issue): { readonly ok: false; readonly issues: readonly Issue[] } {
  return { ok: false, issues: [one] };
}

function hard(message: string, hint?: string): Verdict {
  return { issues: [issue('Refused', '', message, hint)], notes: [] };
}

function forceable(message: string): Issue {
  return issue('Forceable', '', message);
}

function note(message: string): Issue {
  return issue('Note', '', message);
}

function issue(code: string, path: string, message: string, hint?: string): Issue {
  return { code, path, message, ...(hint === undefined ? {} : { hint }) };
}
