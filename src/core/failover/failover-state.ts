import { type FirstTokens, NO_FIRST_TOKENS, type Percentile } from './first-tokens.ts';
import { type Flow, NO_FLOW } from './flow.ts';

/** `Home`: all to the first tier that lives. `Away`: as much as it can hold to the next one. `Returning`: less and less. */
export type FailoverPhase = 'Home' | 'Away' | 'Returning';

/** `FirstToken`: the tier was too slow. `Envoy`: the sidecars had given it up before, for its errors or its health. */
export type FailoverCause = 'FirstToken' | 'Envoy';

/** What failover between the tiers of a service remembers. Plain data: it is checkpointed as JSON. */
export type FailoverState = {
  /** The two tiers that it is about, as places in the policy's list: the first two that have anybody. */
  readonly from: number;
  readonly to: number | null;
  /** Their pools as text: of others nothing is remembered. */
  readonly about: string;
  readonly phase: FailoverPhase;
  readonly cause: FailoverCause | null;
  /** Of a hundred new requests, what the law wants to go to the next tier, and what sidecars were told: whole, and in steps. */
  readonly wanted: number;
  readonly percent: number;
  /** Since the phase began. */
  readonly phaseSec: number;
  /** Without a break: too slow; given up by the sidecars; well. */
  readonly slowSec: number;
  readonly missingSec: number;
  readonly wellSec: number;
  /** How long the first tier must be well before it has its requests back. */
  readonly holdSec: number;
  /** Trips soon after a return, in a row. */
  readonly repeats: number;
  /** Null: it never went back, or long ago. */
  readonly sinceReturnSec: number | null;
  readonly firstTokens: FirstTokens;
  readonly flow: Flow;
  /** By tier. */
  readonly measured: readonly Percentile[];
  /** Why it is as it is, for a person. */
  readonly reason: string;
};

export const INITIAL_FAILOVER: FailoverState = {
  from: 0,
  to: null,
  about: '',
  phase: 'Home',
  cause: null,
  wanted: 0,
  percent: 0,
  phaseSec: 0,
  slowSec: 0,
  missingSec: 0,
  wellSec: 0,
  holdSec: 0,
  repeats: 0,
  sinceReturnSec: null,
  firstTokens: NO_FIRST_TOKENS,
  flow: NO_FLOW,
  measured: [],
  reason: 'nothing is known yet',
};
