import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { type DescriptorRecord, descriptorFolder, readDescriptor } from '../../../src/base/codec/descriptor.ts';
import { findType } from '../../../src/base/codec/schema.ts';

const scratch = mkdtempSync(join(tmpdir(), 'loadline-descriptor-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const record = JSON.parse(readFileSync(join(descriptorFolder(), 'descriptor.json'), 'utf8')) as DescriptorRecord;

describe('the committed descriptor set', () => {
  it('has the recorded hash and size', () => {
    expect(readDescriptor().length).toBe(record.bytes);
  });

  it('says where it comes from', () => {
    expect(record).toMatchObject({
      module: 'github.com/envoyproxy/go-control-plane/envoy',
      version: 'v1.40.0',
      licence: 'Apache-2.0',
      commit: expect.stringMatching(/^[0-9a-f]{40}$/),
    });
  });

  it('is refused when one byte differs', () => {
    const bytes = Buffer.from(readDescriptor());
    bytes[1000] = (bytes[1000] as number) ^ 1;
    writeFileSync(join(scratch, record.file), gzipSync(bytes));
    writeFileSync(join(scratch, 'descriptor.json'), JSON.stringify(record));
    expect(() => readDescriptor(scratch)).toThrow(
      expect.objectContaining({ code: 'LOADLINE_CODEC_DESCRIPTOR', message: expect.stringContaining(record.sha256) }),
    );
  });

  it('is refused when it is not gzip, and when it is not there', () => {
    writeFileSync(join(scratch, record.file), 'not gzip');
    expect(() => readDescriptor(scratch)).toThrow(expect.objectContaining({ code: 'LOADLINE_CODEC_DESCRIPTOR' }));
    expect(() => readDescriptor(join(scratch, 'nowhere'))).toThrow(
      expect.objectContaining({ code: 'LOADLINE_CODEC_DESCRIPTOR' }),
    );
  });
});

describe('the folder of the descriptor set', () => {
  it('is found from any depth of the package, so from src and from dist', () => {
    const root = join(scratch, 'installed');
    const deep = join(root, 'dist', 'base', 'codec');
    mkdirSync(deep, { recursive: true });
    writeFileSync(join(root, 'package.json'), '{"name":"loadline"}');
    // A nearer package.json of somebody else does not stop the search.
    writeFileSync(join(root, 'dist', 'package.json'), '{"type":"module"}');
    expect(descriptorFolder(deep)).toBe(join(root, 'proto', 'envoy'));
  });

  it('is an error outside of the package', () => {
    expect(() => descriptorFolder(scratch)).toThrow(expect.objectContaining({ code: 'LOADLINE_CODEC_DESCRIPTOR' }));
  });
});

describe('the table of fields by release', () => {
  type Table = Record<'messages' | 'fields' | 'values', Record<string, string | Record<string, string>>>;
  const table = JSON.parse(readFileSync(join(descriptorFolder(), 'fields-since.json'), 'utf8')) as Table;

  it('knows the fields that Loadline may send and Envoy 1.36 lacks', () => {
    expect(table.fields['envoy.config.cluster.v3.OutlierDetection']).toEqual({ detect_degraded_hosts: '1.38' });
    expect(table.fields['envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget']).toEqual({
      budget_interval: '1.39',
    });
    expect(table.fields['envoy.config.cluster.v3.Cluster']).toMatchObject({ queuing_policies: '1.40' });
  });

  it('names only messages and fields that the set has, and only its releases', () => {
    const releases = new Set(record.releases.slice(1).map((release) => release.slice(1, release.lastIndexOf('.'))));
    for (const [name, release] of Object.entries(table.messages)) {
      expect(releases).toContain(release);
      // Messages that came later but that the committed subset does not reach cannot be sent at all.
      expect(findType(name)?.fullName).toBe(`.${name}`);
    }
    for (const [name, fields] of Object.entries(table.fields)) {
      const known = findType(name)?.fieldsArray.map((field) => field.protoName);
      for (const [field, release] of Object.entries(fields)) {
        expect(releases).toContain(release);
        expect(known).toContain(field);
      }
    }
  });
});
