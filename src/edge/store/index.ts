export { CheckpointStore, type Loaded } from './checkpoint-store.ts';
export type { FileSystem } from './file-system.ts';
export { type PolicyRead, type PolicyText, PolicyWatch, readPolicyFiles } from './policy-files.ts';
export type { ProcessTable } from './process-table.ts';
export { readLines } from './read-lines.ts';
export { RotatingFile } from './rotating-file.ts';
