import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { LoadlineError } from '../errors.ts';

/** What `proto/envoy/descriptor.json` records about the committed descriptor set. */
export type DescriptorRecord = {
  readonly file: string;
  readonly module: string;
  readonly version: string;
  readonly moduleSum: string;
  readonly commit: string;
  readonly licence: string;
  /** Of the uncompressed set, in hex. */
  readonly sha256: string;
  readonly bytes: number;
  readonly files: number;
  readonly releases: readonly string[];
};

/**
 * The folder `proto/envoy` of this package. It is found by walking up, because this file runs from `src/` (tsx, vitest)
 * and from `dist/` (compiled), which lie at different depths of a checkout and of an installed package.
 */
export function descriptorFolder(from: string = import.meta.dirname): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string }).name === 'loadline') {
      return join(folder, 'proto', 'envoy');
    }
    if (folder === dirname(folder)) {
      throw new LoadlineError('LOADLINE_CODEC_DESCRIPTOR', `no package.json of loadline above ${from}`);
    }
  }
}

/** Reads the descriptor set and refuses it unless its hash is the recorded one. */
export function readDescriptor(folder: string = descriptorFolder()): Uint8Array {
  let record: DescriptorRecord;
  let bytes: Uint8Array;
  try {
    record = JSON.parse(readFileSync(join(folder, 'descriptor.json'), 'utf8')) as DescriptorRecord;
    bytes = gunzipSync(readFileSync(join(folder, record.file)));
  } catch (cause) {
    throw new LoadlineError('LOADLINE_CODEC_DESCRIPTOR', `cannot read the descriptor set in ${folder}`, cause);
  }
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== record.sha256) {
    throw new LoadlineError(
      'LOADLINE_CODEC_DESCRIPTOR',
      `${record.file} has sha256 ${actual}, descriptor.json records ${record.sha256}; run proto/envoy/generate again`,
    );
  }
  return bytes;
}
