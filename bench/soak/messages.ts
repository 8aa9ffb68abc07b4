import type { Alive, Sample } from './sample.ts';

/** What the soak asks of the server's process. */
export type ServerCommand = 'sample' | 'alive';
export type ServerAnswer =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'sample'; readonly sample: Sample; readonly edits: number }
  | { readonly kind: 'alive'; readonly alive: Alive };

/** What the client's process has done and seen so far. */
export type Tally = {
  connects: number;
  responses: number;
  nacks: number;
  stalls: number;
  /** Calls beside the streams: load reports, status, health, reflection. */
  calls: number;
  /** Streams that the server ended, by its words. */
  ended: Record<string, number>;
};
