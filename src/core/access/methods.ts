import type { Action } from './roles.ts';

/** What a caller must be allowed to do it for. */
export type Scope =
  /** The model service that this field of the request names. */
  | { readonly kind: 'Service'; readonly field: string }
  /** Every model service of the group of the sidecar that this field names; where it is empty, of the group that `group` names. */
  | { readonly kind: 'Node'; readonly field: string; readonly group?: string }
  /** The server as a whole: every model service, also those that there are not yet. */
  | { readonly kind: 'Server' }
  /** At least one model service; the answer has only those, and what belongs to them. */
  | { readonly kind: 'Answer' }
  /**
   * At least one model service; each document that the request or the answer holds is then judged: a ModelService by its
   * name, and any other kind, such as a group, is for who may do it for all services.
   */
  | { readonly kind: 'Documents' }
  /** At least one model service; each message of the stream is then judged by the one that it is about. */
  | { readonly kind: 'Messages' };

export type MethodRule = { readonly action: Action; readonly scope: Scope };

/**
 * Every method of the gRPC services under `proto/loadline`, by its full name. A server does not start with a method that is
 * not here. A stream is judged when it starts: a role that is taken away later ends nothing that is under way.
 */
export const METHODS: Readonly<Record<string, MethodRule>> = {
  'loadline.admin.v1.Observe/Status': { action: 'View', scope: { kind: 'Answer' } },
  'loadline.admin.v1.Observe/Explain': { action: 'View', scope: { kind: 'Service', field: 'service' } },
  'loadline.admin.v1.Observe/ProxyConfig': { action: 'View', scope: { kind: 'Node', field: 'node' } },
  'loadline.admin.v1.Observe/Snapshot': { action: 'View', scope: { kind: 'Node', field: 'node', group: 'group' } },
  'loadline.admin.v1.Observe/WatchDecisions': { action: 'View', scope: { kind: 'Answer' } },
  'loadline.admin.v1.Observe/Events': { action: 'View', scope: { kind: 'Answer' } },
  'loadline.admin.v1.Operations/Probe': { action: 'Operate', scope: { kind: 'Service', field: 'service' } },
  'loadline.admin.v1.Operations/Freeze': { action: 'Operate', scope: { kind: 'Service', field: 'service' } },
  'loadline.admin.v1.Operations/Drain': { action: 'Operate', scope: { kind: 'Service', field: 'service' } },
  'loadline.admin.v1.Operations/Failover': { action: 'Operate', scope: { kind: 'Service', field: 'service' } },
  'loadline.admin.v1.Operations/Shed': { action: 'Operate', scope: { kind: 'Service', field: 'service' } },
  'loadline.admin.v1.Operations/Unfreeze': { action: 'Operate', scope: { kind: 'Service', field: 'service' } },
  'loadline.admin.v1.Operations/GiveNotice': { action: 'GiveNotice', scope: { kind: 'Answer' } },
  'loadline.admin.v1.Operations/WithdrawNotice': { action: 'GiveNotice', scope: { kind: 'Answer' } },
  'loadline.admin.v1.Operations/Cancel': { action: 'Operate', scope: { kind: 'Answer' } },
  'loadline.admin.v1.Operations/List': { action: 'View', scope: { kind: 'Answer' } },
  'loadline.admin.v1.Rollouts/Get': { action: 'View', scope: { kind: 'Answer' } },
  'loadline.admin.v1.Rollouts/Promote': { action: 'Administer', scope: { kind: 'Server' } },
  'loadline.admin.v1.Rollouts/Abort': { action: 'Operate', scope: { kind: 'Server' } },
  'loadline.admin.v1.Rollouts/Force': { action: 'Administer', scope: { kind: 'Server' } },
  'loadline.admin.v1.Rollouts/Retry': { action: 'EditPolicies', scope: { kind: 'Server' } },
  'loadline.admin.v1.Policies/Validate': { action: 'ReadPolicies', scope: { kind: 'Documents' } },
  'loadline.admin.v1.Policies/Diff': { action: 'ReadPolicies', scope: { kind: 'Documents' } },
  'loadline.admin.v1.Policies/Apply': { action: 'EditPolicies', scope: { kind: 'Documents' } },
  'loadline.admin.v1.Policies/Get': { action: 'ReadPolicies', scope: { kind: 'Documents' } },
  'loadline.admin.v1.Policies/List': { action: 'ReadPolicies', scope: { kind: 'Documents' } },
  'loadline.admin.v1.Policies/Delete': { action: 'EditPolicies', scope: { kind: 'Documents' } },
  'loadline.admin.v1.Policies/History': { action: 'ReadPolicies', scope: { kind: 'Documents' } },
  'loadline.admin.v1.Policies/Rollback': { action: 'EditPolicies', scope: { kind: 'Documents' } },
  'loadline.admin.v1.Policies/Watch': { action: 'ReadPolicies', scope: { kind: 'Documents' } },
  'loadline.signals.v1.Signals/Push': { action: 'PushSignals', scope: { kind: 'Messages' } },
};
