import { LoadlineError } from '../../base/errors.ts';
import { forbiddenHost } from '../../base/units/index.ts';
import type { OpenRequests } from '../../core/topology/index.ts';
import { type AdminBounds, askAdmin } from './admin.ts';
import { readOpenRequests } from './read-open-requests.ts';

/** A report waits for the answer, so it has to be there before the next one. */
const BOUNDS: AdminBounds = { deadlineMs: 800, bodyLimitBytes: 16 * 1024 * 1024 };
/** Over all sidecars. */
const MAX_ASKED = 64;
const FIRST_PAUSE_MS = 1000;
/** Failures before the one that is told. */
const TOLD_AFTER = 1;
const MAX_PAUSE_MS = 60_000;

export type AdminOutcome = 'answered' | 'failed' | 'skipped';

/** One sidecar, as its stream of load reports says who it is. */
export type AdminNode = {
  readonly id: string;
  readonly group: string;
  /** Where its connection comes from. Nothing else of a node's words decides where a request goes. */
  readonly host: string;
  /** As its bootstrap says, where it does. */
  readonly port: number | undefined;
};

export type EnvoyAdminsOptions = {
  /** What the policy says about the group; undefined: its Envoys are not asked. */
  readonly settingOf: (group: string) => { readonly port?: number } | undefined;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
  readonly asked: (outcome: AdminOutcome) => void;
  readonly now: () => number;
  /** Why nothing at this IP address is asked; undefined where it may be. */
  readonly refusalOf?: (host: string) => string | undefined;
  /** Of one answer. */
  readonly bounds?: AdminBounds;
};

/** The admin interfaces of the sidecars whose load reports are not complete. */
export class EnvoyAdmins {
  readonly #options: EnvoyAdminsOptions;
  #pending = 0;

  constructor(options: EnvoyAdminsOptions) {
    this.#options = options;
  }

  /** For the life of one stream of reports. */
  of(node: AdminNode): NodeAdmin {
    return new NodeAdmin(node, this.#options, (ask) => this.#bounded(ask));
  }

  #bounded<T>(ask: () => Promise<T>): Promise<T> | undefined {
    if (this.#pending >= MAX_ASKED) return undefined;
    this.#pending += 1;
    return ask().finally(() => {
      this.#pending -= 1;
    });
  }
}

/** One sidecar's admin interface: asked once at a time, with pauses that grow while it fails. */
class NodeAdmin {
  readonly #node: AdminNode;
  readonly #options: EnvoyAdminsOptions;
  readonly #bounded: <T>(ask: () => Promise<T>) => Promise<T> | undefined;
  #busy = false;
  #failures = 0;
  #notBeforeMs = 0;
  /** The address behind which this very node has answered. */
  #known = '';

  constructor(
    node: AdminNode,
    options: EnvoyAdminsOptions,
    bounded: <T>(ask: () => Promise<T>) => Promise<T> | undefined,
  ) {
    this.#node = node;
    this.#options = options;
    this.#bounded = bounded;
  }

  /** What is open now; undefined when it is not asked (at once) or does not answer in time. Never rejects. */
  ask(): Promise<OpenRequests | undefined> | undefined {
    const { settingOf, now, asked, refusalOf = forbiddenHost } = this.#options;
    const { group, host } = this.#node;
    const setting = settingOf(group);
    if (setting === undefined || this.#busy || now() < this.#notBeforeMs) return undefined;
    const port = this.#node.port ?? setting.port;
    if (port === undefined) {
      this.#failed(host, 'neither its bootstrap nor the policy names a port');
      return undefined;
    }
    const refusal = refusalOf(host);
    if (refusal !== undefined) {
      this.#failed(host, refusal);
      return undefined;
    }
    const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const answer = this.#bounded(() => this.#answer(address));
    if (answer === undefined) {
      asked('skipped');
      return undefined;
    }
    this.#busy = true;
    return answer.finally(() => {
      this.#busy = false;
    });
  }

  async #answer(address: string): Promise<OpenRequests | undefined> {
    try {
      if (this.#known !== address) {
        const found = nodeIdIn(await this.#read(address, '/server_info'));
        if (found !== this.#node.id) throw new Error(`it is the admin interface of ${found || 'no Envoy'}`);
      }
      const open = readOpenRequests(await this.#read(address, '/clusters?format=json'));
      this.#known = address;
      this.#answered(address);
      return open;
    } catch (error) {
      this.#known = '';
      this.#failed(address, (error as Error).message);
      return undefined;
    }
  }

  /** Redirects are not followed: anything but the page itself is a failure. */
  async #read(address: string, path: string): Promise<string> {
    const { status, body } = await askAdmin(address, path, 'GET', this.#options.bounds ?? BOUNDS);
    if (status !== 200) throw new LoadlineError('LOADLINE_ENVOY_FAILED', `${path}: status ${status}`);
    return body;
  }

  #answered(address: string): void {
    this.#options.asked('answered');
    if (this.#failures > TOLD_AFTER)
      this.#options.log.info({ node: this.#node.id, admin: address }, 'envoy admin answers again');
    this.#failures = 0;
  }

  /** Told once until it has answered again; a single failure is a busy moment. */
  #failed(address: string, reason: string): void {
    const { log, asked, now } = this.#options;
    asked('failed');
    if (this.#failures === TOLD_AFTER) {
      const hint =
        'let Loadline reach it (SidecarGroup spec.envoyAdmin.port, loadline bootstrap --admin-address), or run Envoy 1.37 or newer';
      log.warn(
        { node: this.#node.id, admin: address, reason, hint },
        'envoy admin not readable: long streams are guessed',
      );
    }
    this.#notBeforeMs = now() + Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
    this.#failures += 1;
  }
}

function nodeIdIn(body: string): string {
  let page: { readonly node?: { readonly id?: unknown } } | null;
  try {
    page = JSON.parse(body) as typeof page;
  } catch (cause) {
    throw new LoadlineError('LOADLINE_ENVOY_FAILED', '/server_info: the answer is no JSON', cause);
  }
  const id = page?.node?.id;
  return typeof id === 'string' ? id.slice(0, 200) : '';
}
