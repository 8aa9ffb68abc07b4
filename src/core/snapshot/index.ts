export { changesBetween, type ViewChanges } from './changes.ts';
export type { DebounceOptions } from './debounce.ts';
export { Publication } from './publication.ts';
export { danglingRefs, makeSnapshot, type Snapshot, type TypeView, viewOf } from './snapshot.ts';
export { NEWEST_RELEASE, releaseBand, type SnapshotKey, snapshotKeyText } from './snapshot-key.ts';
