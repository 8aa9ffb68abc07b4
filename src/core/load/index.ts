export type * from './endpoint-load.ts';
