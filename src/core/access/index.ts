export {
  type CedarEntity,
  type CedarPolicy,
  type CedarUid,
  cedarAction,
  cedarPolicies,
  cedarPrincipal,
  cedarResource,
  namedServices,
  type Resource,
} from './cedar-policies.ts';
export { METHODS, type MethodRule, type Scope } from './methods.ts';
export { type Peer, peerText } from './peer.ts';
export { ACTIONS, type Action, ROLE_TABLE, rolesWith } from './roles.ts';
