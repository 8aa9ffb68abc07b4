import type { EndpointId } from '../topology/index.ts';

/** `Warm`: it answered a prompt in time. `Cold`: it did not. `Unknown`: neither, or too long ago. */
export type Belief = 'Warm' | 'Cold' | 'Unknown';

/** What is remembered of one server of a pool that is kept warm. Ages and no times: clocks are set back. */
export type Warmth = {
  readonly belief: Belief;
  /** Since the belief became what it is. */
  readonly sinceSec: number;
  /** Since the last answer that said something of the server; null: none did, or too long ago. */
  readonly heardSec: number | null;
  /** It answers, and wants no such prompt: the policy asks in the wrong way. */
  readonly refused: boolean;
  /** Since anything was seen to happen there, and how long that may be until it is asked. */
  readonly idleSec: number;
  readonly waitSec: number;
  /** How long a prompt has been on its way; null: there is none. */
  readonly askedSec: number | null;
  /** What its engine's counter of tokens said last. */
  readonly tokens: number | null;
  /** The last answer, for a person. */
  readonly words: string;
};

/** Plain data: it is checkpointed as JSON. */
export type WarmthState = Readonly<Record<EndpointId, Warmth>>;

/** What is to be sent. */
export type Prompt = {
  readonly endpoint: EndpointId;
  readonly url: string;
  readonly body: string;
  readonly timeoutMs: number;
};
