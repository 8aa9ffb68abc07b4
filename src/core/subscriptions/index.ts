export { DeltaSubscription } from './delta/delta-subscription.ts';
export type { Answer, DeltaRequest, Outgoing, Phase, Versioned } from './delta/messages.ts';
