/**
 * Every kind of event, and what its subject is: a model service, or something below one (`chat/gpu/10.0.0.1:8000`); or
 * something of the server as a whole, such as a sidecar, which may serve several services, or a source of policies. A sidecar
 * can be called as a service is, so the subject alone does not say.
 */
export const EVENT_KINDS = {
  PolicyLoaded: 'Server',
  PolicyRefused: 'Server',
  NodeConnected: 'Server',
  NodeDisconnected: 'Server',
  Nack: 'Server',
  RolloutWaits: 'Server',
  RolloutStarted: 'Server',
  RolloutHolds: 'Server',
  RolloutPassed: 'Server',
  RolloutReturned: 'Server',
  WeightsPushed: 'Service',
  Shift: 'Service',
  Herd: 'Service',
  EndpointDrained: 'Service',
  EndpointReturned: 'Service',
  SignalConflict: 'Service',
  SignalAgrees: 'Service',
  RetriesCut: 'Service',
  RetriesBack: 'Service',
  OverloadLevel: 'Service',
  OverloadOver: 'Service',
  TierGivenUp: 'Service',
  TierReturns: 'Service',
  EndpointCold: 'Service',
  EndpointWarm: 'Service',
  PromptRefused: 'Service',
  ProbeStarted: 'Service',
  ProbeEnded: 'Service',
  OperationBegan: 'Service',
  OperationPassed: 'Service',
  OperationCancelled: 'Service',
  OperationLapsed: 'Service',
  OperationSuspended: 'Service',
  OperationResumed: 'Service',
} as const;

export type EventKind = keyof typeof EVENT_KINDS;

type About = { readonly kind: EventKind; readonly subject: string };

/** The model service that an event is about; undefined: the server as a whole. */
export function serviceOfEvent({ kind, subject }: About): string | undefined {
  if (EVENT_KINDS[kind] !== 'Service') return undefined;
  const end = subject.indexOf('/');
  return end === -1 ? subject : subject.slice(0, end);
}
