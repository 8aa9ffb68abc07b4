import { TYPE_URL } from '../../resources/index.ts';

/** Clusters and listeners: every response is the full set, and absence deletes. Other types travel piecemeal. */
export function isFullState(typeUrl: string): boolean {
  return typeUrl === TYPE_URL.cluster || typeUrl === TYPE_URL.listener;
}
