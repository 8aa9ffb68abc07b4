export { ApiClient } from './api-client.ts';
export { type ApiPlace, inCluster, isNodeName, readApiPlace } from './api-place.ts';
export { ObjectWatch } from './object-watch.ts';
