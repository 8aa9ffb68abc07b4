export type { ClientNode, ClientResource, ClientStatusSource } from './client-status.ts';
export { type ClientStatusOptions, clientStatusMethods } from './client-status-service.ts';
export { HealthService, type ServingStatus } from './health.ts';
export { type ReflectionOptions, reflectionMethods } from './reflection.ts';
export { servedServices } from './served-services.ts';
