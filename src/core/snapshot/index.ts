export { danglingRefs, makeSnapshot, type Snapshot, type TypeView, viewOf } from './snapshot.ts';
export { NEWEST_RELEASE, OLDEST_RELEASE, releaseBand, type SnapshotKey, snapshotKeyText } from './snapshot-key.ts';
