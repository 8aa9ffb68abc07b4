import type { JsonObject } from '../../base/codec/index.ts';
import { seededRandom } from '../../base/units/index.ts';
import { forRelease } from '../../core/resources/index.ts';
import { makeSnapshot, NEWEST_RELEASE, type Snapshot, type SnapshotKey } from '../../core/snapshot/index.ts';
import type { Log } from '../observe/index.ts';
import { FallbackServer } from '../xds/index.ts';
import type { Followed } from './followed.ts';
import { Follower, type Presence } from './follower.ts';
import type { Keeper } from './keeper.ts';
import type { Beside } from './read-files.ts';

export type FallbackOptions = {
  readonly beside: Beside;
  readonly key: SnapshotKey;
  readonly followed: Followed;
  readonly keeper: Keeper;
  readonly log: Log;
};

/** Follows the server, keeps what it says, and serves that to the Envoy beside while the server is away. */
export class Fallback {
  readonly #follower: Follower;
  readonly #server: FallbackServer;
  readonly #keeper: Keeper;
  readonly #followed: Followed;
  readonly #log: Log;
  /** What is served, by release of Envoy. */
  #served = new Map<string, Snapshot>();
  #servedOf: Snapshot | undefined;

  constructor({ beside, key, followed, keeper, log }: FallbackOptions) {
    this.#log = log;
    this.#followed = followed;
    this.#keeper = keeper;
    this.#follower = new Follower({
      targets: beside.targets,
      node: nodeOf(beside),
      followed,
      random: seededRandom(process.pid),
      onPresence: (presence, why, news) => this.#presence(presence, why, news),
      onSnapshot: (snapshot) => keeper.keep(snapshot),
    });
    this.#server = new FallbackServer({
      address: beside.fallback,
      key,
      source: { closed: () => CLOSED[this.#follower.presence], snapshot: (release) => this.#snapshotFor(release) },
      log,
      now: Date.now,
    });
  }

  /** @throws LoadlineError LOADLINE_BIND */
  async start(): Promise<void> {
    const { snapshot } = this.#followed;
    // What came from elsewhere is to lie in the file, and whether that can be written is to be known before it is needed.
    if (snapshot !== undefined) this.#keeper.keep(snapshot);
    const address = await this.#server.start();
    this.#follower.start();
    this.#log.info({ address }, 'fallback is running');
  }

  async stop(): Promise<void> {
    this.#follower.stop();
    await this.#server.stop();
    await this.#keeper.stop();
  }

  #presence(presence: Presence, why: string, news: boolean): void {
    const closed = CLOSED[presence];
    const ended = closed === undefined ? 0 : this.#server.endStreams(closed);
    if (!news) return;
    if (presence === 'Here') this.#log.info({ ended }, 'server is here');
    else if (presence === 'Denied') this.#log.error({ reason: why, ended }, 'server denies this client');
    else this.#log.warn({ reason: why, serves: this.#followed.snapshot !== undefined }, 'server is away');
  }

  #snapshotFor(release: string): Snapshot | undefined {
    const { snapshot } = this.#followed;
    if (snapshot === undefined || release === snapshot.key.release) return snapshot;
    if (snapshot !== this.#servedOf) this.#served = new Map();
    this.#servedOf = snapshot;
    let older = this.#served.get(release);
    if (older === undefined) {
      const resources = [...snapshot.types.values()].flatMap((view) => [...view.values()]);
      older = makeSnapshot(
        { ...snapshot.key, release },
        resources.map((resource) => forRelease(resource, release)),
      );
      this.#served.set(release, older);
    }
    return older;
  }
}

/** What an Envoy is told that comes all the same; undefined where it is served. */
const CLOSED: Readonly<Record<Presence, string | undefined>> = {
  Here: 'Loadline answers: ask it',
  Away: undefined,
  Denied: 'Loadline denies this sidecar',
};

/** As the Envoy beside it, but it is counted nowhere. It takes what the newest Envoy would. */
function nodeOf({ nodeId, group, zone, listeners }: Omit<Beside, 'xds' | 'fallback' | 'targets'>): JsonObject {
  const [major = 0, minor = 0] = NEWEST_RELEASE.split('.').map(Number);
  return {
    id: `${nodeId}/fallback`,
    cluster: group,
    // What it keeps is for the zone of that Envoy.
    ...(zone === undefined ? {} : { locality: { zone } }),
    metadata: { loadline: { listeners, fallback: true } },
    user_agent_name: 'loadline',
    user_agent_build_version: { version: { major_number: major, minor_number: minor } },
  };
}
