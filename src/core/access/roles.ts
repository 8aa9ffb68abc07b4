import type { Role } from '../policy/index.ts';

/** What can be done, in the few words that roles are made of. Every method of the gRPC API is one of them. */
export const ACTIONS = {
  PushSignals: 'say how loaded a model server is (`loadline agent`)',
  GiveNotice: 'say that a machine goes away, so that its model servers get nothing new; and that it stays after all',
  View: 'see weights, beliefs, sidecars, and what an operator does',
  ReadPolicies: 'read policies and their history, check and compare texts',
  Operate: 'probe, freeze, shed, drain, fail over, for a time',
  EditPolicies: 'apply, delete and roll back policies',
  Administer: 'override guards: force a change that a check stops, push to all sidecars at once',
} as const;

export type Action = keyof typeof ACTIONS;

export type RoleDefinition = { readonly about: string; readonly actions: readonly Action[] };

/**
 * From Viewer on each role may also do what those before it may: whoever edits a policy can take an endpoint out, so that
 * keeping operations from her would protect nothing. An agent is a program beside a GPU and sees nothing.
 */
export const ROLE_TABLE: Readonly<Record<Role, RoleDefinition>> = {
  Agent: { about: 'a program beside GPUs', actions: ['PushSignals', 'GiveNotice'] },
  Viewer: { about: 'who looks', actions: ['View', 'ReadPolicies'] },
  Operator: { about: 'who is on call', actions: ['GiveNotice', 'View', 'ReadPolicies', 'Operate'] },
  Editor: { about: 'who writes policies', actions: ['GiveNotice', 'View', 'ReadPolicies', 'Operate', 'EditPolicies'] },
  Admin: {
    about: 'who answers for it all',
    actions: ['PushSignals', 'GiveNotice', 'View', 'ReadPolicies', 'Operate', 'EditPolicies', 'Administer'],
  },
};

/** Roles that may do it, the least of them first. */
export function rolesWith(action: Action): readonly Role[] {
  return (Object.keys(ROLE_TABLE) as Role[]).filter((role) => ROLE_TABLE[role].actions.includes(action));
}
