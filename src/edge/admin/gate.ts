import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { LoadlineError } from '../../base/errors.ts';
import {
  type Action,
  METHODS,
  type MethodRule,
  type Peer,
  peerText,
  type Resource,
  rolesWith,
} from '../../core/access/index.ts';
import type { Log } from '../observe/index.ts';
import type { IncomingCall } from './caller.ts';
import { LineBudget } from './line-budget.ts';
import { refusedMessage } from './request-limits.ts';
import type { Wire } from './wire-values.ts';

/** Who callers are and what they may do. Called on each request; only the check of a token may take a while. */
export interface AccessSeam {
  recognise(transport: Peer, authorization: readonly string[]): Recognised | Promise<Recognised>;
  may(peer: Peer, action: Action, resource: Resource): boolean;
  /** Names of all model services that somebody may have a role for. */
  services(): readonly string[];
  /** Of a sidecar group; none for one that there is not. */
  servicesOfGroup(group: string): readonly string[];
  /** The group of a sidecar that is connected. */
  groupOfNode(node: string): string | undefined;
  /** Hears of each call that was refused. */
  refused(reason: 'Unauthenticated' | 'Denied'): void;
}

export type Recognised = { readonly ok: true; readonly peer: Peer } | { readonly ok: false; readonly why: string };

/** What the caller of a method may do, for methods whose answer or whose messages are about several services. */
export type Permit = {
  readonly peer: Peer;
  mayFor(service: string): boolean;
  /** For what a method lets only some of its callers do. */
  may(action: Action, service: string): boolean;
  mayEverywhere(action: Action): boolean;
  /** Also what belongs to no service, and to services that there are not yet. */
  readonly everywhere: boolean;
  servicesOfGroup(group: string): readonly string[];
};

/** Of a unary method the second argument is its callback, of a stream the permit. */
type Handler = (call: never, ...rest: never[]) => void;
type AnyCall = IncomingCall & { readonly request?: Wire };
type Refusal = { readonly code: status; readonly details: string };

export type GateOptions = {
  readonly access: AccessSeam | undefined;
  readonly peerOf: (call: IncomingCall) => Peer;
  readonly log: Log;
};

const EVERYTHING: Omit<Permit, 'peer'> = {
  mayFor: () => true,
  may: () => true,
  mayEverywhere: () => true,
  everywhere: true,
  servicesOfGroup: () => [],
};
/** As a method whose answer is about what its caller may see: it needs some service. */
const ANY_SERVICE: MethodRule['scope'] = { kind: 'Answer' };
const MAX_NAME_CHARS = 80;
const LINES_PER_MINUTE = 60;

/**
 * The one door of the admin API: every method of every service is wrapped here, so that none can be served without being
 * judged. A stream is judged when it starts, and the messages of a push each by the service that they are about. Who may call a method
 * for no service at all is refused before a byte of his request is read: else each of his streams would cost its megabytes.
 */
export class Gate {
  readonly #options: GateOptions;
  readonly #lines = new LineBudget(LINES_PER_MINUTE);
  /** Callers of calls whose request is being read, by what came with its headers: a token is checked once. */
  readonly #recognised = new WeakMap<Metadata, Recognised>();

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Judges callers by the headers of their calls; what a request is about is judged by {@link guard}. */
  get interceptor(): ServerInterceptor {
    return ({ path }, call) => {
      const { access, log, peerOf } = this.#options;
      const method = path.slice(1);
      const rule = METHODS[method];
      if (access === undefined || rule === undefined) return new ServerInterceptingCall(call);
      const refuse = (refusal: Refusal): void => call.sendStatus({ ...refusal, metadata: null });
      const judge = async (metadata: Metadata, pass: (metadata: Metadata) => void): Promise<void> => {
        const caller = { metadata, cancelled: false, getAuthContext: () => call.getAuthContext() };
        const recognised = await access.recognise(peerOf(caller), authorizationIn(metadata));
        const refusal = this.#refusalOf(access, method, rule, recognised);
        if (refusal !== undefined) return refuse(refusal);
        this.#recognised.set(metadata, recognised);
        pass(metadata);
      };
      return new ServerInterceptingCall(call, {
        start: (next) =>
          next({
            // Until it is passed on nothing is read.
            onReceiveMetadata: (metadata, pass) => {
              judge(metadata, pass).catch((error: unknown) => refuse(this.#failed(error, method, log)));
            },
          }),
      });
    };
  }

  /**
   * The handlers of a service behind the gate. Each gets the permit of its caller as its last argument.
   * @throws LoadlineError LOADLINE_ACCESS for a method that the table of methods does not have
   */
  guard(service: ServiceDefinition, handlers: Readonly<Record<string, Handler>>): UntypedServiceImplementation {
    const guarded = Object.entries(handlers).map(([name, handler]) => {
      const method = Object.values(service).find(
        ({ path, originalName }) => originalName === name || path.endsWith(`/${name}`),
      );
      const fullName = method?.path.slice(1) ?? name;
      const rule = METHODS[fullName];
      if (method === undefined || rule === undefined)
        throw new LoadlineError('LOADLINE_ACCESS', `no role is said to be needed for ${fullName}`);
      const unary = !method.requestStream && !method.responseStream;
      return [name, this.#guarded(fullName, rule, unary, handler)] as const;
    });
    return Object.fromEntries(guarded) as UntypedServiceImplementation;
  }

  #guarded(method: string, rule: MethodRule, unary: boolean, handler: Handler) {
    return (call: AnyCall, callback?: sendUnaryData<Wire>): void => {
      const pass = (permit: Permit): void => {
        if (call.cancelled) return;
        (handler as (...args: unknown[]) => void)(call, ...(unary ? [callback] : []), permit);
      };
      const refuse = (refusal: Refusal): void => {
        if (unary) callback?.(refusal);
        else (call as unknown as ServerWritableStream<Wire, Wire>).emit('error', refusal);
      };
      const unread = refusedMessage(call.request);
      if (unread !== undefined) {
        refuse({ code: unread.code, details: unread.details });
        return;
      }
      const { access, log } = this.#options;
      if (access === undefined) {
        pass({ ...EVERYTHING, peer: this.#options.peerOf(call) });
        return;
      }
      const judge = (recognised: Recognised): void => {
        const verdict = this.#judge(access, method, rule, recognised, call.request);
        if ('code' in verdict) refuse(verdict);
        else pass(verdict);
      };
      try {
        const recognised = this.#recognised.get(call.metadata);
        if (recognised === undefined) throw new Error('the call did not come through the interceptor of the gate');
        judge(recognised);
      } catch (error) {
        refuse(this.#failed(error, method, log));
      }
    };
  }

  #failed(error: unknown, method: string, log: Log): Refusal {
    log.error({ err: error, method }, 'the caller of an admin request could not be judged');
    return { code: status.INTERNAL, details: 'the server failed to answer; its log says why' };
  }

  /** Why somebody may not call a method whatever he asks; undefined where that hangs on what he asks. */
  #refusalOf(access: AccessSeam, method: string, rule: MethodRule, recognised: Recognised): Refusal | undefined {
    const scope = rule.scope.kind === 'Server' ? rule.scope : ANY_SERVICE;
    const verdict = this.#judge(access, method, { ...rule, scope }, recognised, undefined);
    return 'code' in verdict ? verdict : undefined;
  }

  #judge(
    access: AccessSeam,
    method: string,
    rule: MethodRule,
    recognised: Recognised,
    request: Wire | undefined,
  ): Permit | Refusal {
    if (!recognised.ok) {
      access.refused('Unauthenticated');
      this.#tell(method, recognised.why);
      return { code: status.UNAUTHENTICATED, details: recognised.why };
    }
    const { peer } = recognised;
    const { action, scope } = rule;
    const may = (what: Action, name: string): boolean => access.may(peer, what, { kind: 'Service', name });
    const mayFor = (name: string): boolean => may(action, name);
    const everywhere = access.may(peer, action, { kind: 'Server' });
    const permit: Permit = {
      peer,
      mayFor,
      may,
      mayEverywhere: (other) => access.may(peer, other, { kind: 'Server' }),
      everywhere,
      servicesOfGroup: (group) => access.servicesOfGroup(group),
    };
    if (everywhere) return permit;
    const missing = missingFor(access, scope, request, mayFor);
    if (missing === undefined) return permit;
    const details = denial(peer, method, action, missing);
    access.refused('Denied');
    this.#tell(method, details);
    return { code: status.PERMISSION_DENIED, details };
  }

  /** Whoever is refused may come again at once, and must not fill the log. */
  #tell(method: string, details: string): void {
    const suppressed = this.#lines.take(performance.now());
    if (suppressed === undefined) return;
    this.#options.log.warn({ method, reason: details, suppressed }, 'admin request refused');
  }
}

/** What the caller lacks the role for, in words; undefined where nothing is missing. */
function missingFor(
  access: AccessSeam,
  scope: MethodRule['scope'],
  request: Wire | undefined,
  mayFor: (service: string) => boolean,
): string | undefined {
  if (scope.kind === 'Service') {
    const name = String(request?.[scope.field] ?? '');
    return mayFor(name) ? undefined : `model service ${shown(name)}`;
  }
  if (scope.kind === 'Node') {
    const node = String(request?.[scope.field] ?? '');
    const named = node === '' && scope.group !== undefined ? String(request?.[scope.group] ?? '') : '';
    const group = named === '' ? access.groupOfNode(node) : named;
    const services = group === undefined ? [] : access.servicesOfGroup(group);
    // Nothing is told about sidecars and groups that there are not: their names are an answer too.
    if (services.length > 0 && services.every(mayFor)) return undefined;
    return `every model service of ${named === '' ? `the group of sidecar ${shown(node)}` : `group ${shown(named)}`}`;
  }
  if (scope.kind === 'Server') return 'every model service';
  return access.services().some(mayFor) ? undefined : 'any model service';
}

function denial(peer: Peer, method: string, action: Action, missing: string): string {
  const [least, ...more] = rolesWith(action);
  const roles = more.length === 0 ? `${least}` : `${least} (or ${more.join(', ')})`;
  return `${peerText(peer)} may not call ${method.slice(method.lastIndexOf('.') + 1)}: it lacks the role ${roles} for ${missing}`;
}

function authorizationIn(metadata: Metadata): readonly string[] {
  return metadata.get('authorization').map(String);
}

/** A caller's own word, as it may go back to him and to the log. */
function shown(name: string): string {
  return JSON.stringify(name.length > MAX_NAME_CHARS ? `${name.slice(0, MAX_NAME_CHARS)}…` : name);
}
