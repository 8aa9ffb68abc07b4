import { bodyOf } from '../../../conformance/resources.ts';
import { type WireClient, WireConnection } from '../../../conformance/wire-client.ts';
import { type GarbageLab, revision } from './lab.ts';

const PAUSE_MS = 10;

/** A healthy client. It makes the next change when it has the one before, so that none may be missing. */
export class Reference {
  readonly #lab: GarbageLab;
  readonly #connection: WireConnection;
  readonly #client: WireClient;
  #changes = 0;

  constructor(lab: GarbageLab) {
    this.#lab = lab;
    this.#connection = new WireConnection(lab.server.address);
    const node = { id: 'reference', cluster: 'lab', user_agent_name: 'envoy' };
    this.#client = this.#connection.open({ variant: 'delta', service: 'ads', node });
  }

  async begin(): Promise<void> {
    this.#client.subscribe('cds');
    await this.#client.accept('cds');
    this.#client.subscribe('eds', 'chat');
    await this.#client.accept('eds');
  }

  /** Makes changes and sees each arrive, until told to end. Returns how many they were. */
  async follow(ended: () => boolean): Promise<number> {
    const from = this.#changes;
    while (!ended()) {
      this.#changes += 1;
      this.#lab.change(this.#changes);
      const { items, removed } = await this.#client.accept('eds');
      const [item] = items;
      const right = items.length === 1 && removed.length === 0 && item?.body.equals(bodyOf(revision(this.#changes)));
      if (right !== true) throw new Error(`change ${this.#changes} did not arrive as it was made`);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    return this.#changes - from;
  }

  close(): void {
    this.#client.close();
    this.#connection.close();
  }
}
