export { danglingRefs, makeSnapshot, type Snapshot, type TypeView, viewOf } from './snapshot.ts';
export { releaseBand, type SnapshotKey, snapshotKeyText } from './snapshot-key.ts';
