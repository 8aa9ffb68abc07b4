export { type AllowList, parseAllowList } from './allow-list.ts';
export { FORBIDDEN_HOST, OutboundGuard, type Resolve } from './outbound-guard.ts';
