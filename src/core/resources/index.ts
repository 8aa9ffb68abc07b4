export type { Resource, ResourceRef } from './resource.ts';
export { SEND_ORDER, TYPE_SHORT, TYPE_URL } from './type-url.ts';
