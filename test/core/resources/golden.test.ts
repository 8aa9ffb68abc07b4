import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { messageToJson } from '../../../src/base/codec/index.ts';
import { bootstrap, commandLine, TYPE_SHORT } from '../../../src/core/resources/index.ts';
import { compileFile } from '../../support/compile-file.ts';

const GOLDEN = resolve(import.meta.dirname, '../../golden');

describe('golden resources', () => {
  it.each([
    ['lab', 'docs/examples/lab.yaml'],
    ['chat', 'test/core/policy/good/chat.yaml'],
    ['many-models', 'docs/examples/many-models.yaml'],
  ])('%s.yaml: what a sidecar on the newest Envoy receives', async (name, file) => {
    const { resources } = compileFile(file, ['node-a', 'node-b']);
    const documents = resources.map((resource) => ({
      type: TYPE_SHORT[resource.typeUrl],
      name: resource.name,
      version: resource.version,
      ...(resource.ttlMs === undefined ? {} : { ttlMs: resource.ttlMs }),
      origin: resource.origin === undefined ? '' : `${resource.origin.file}:${resource.origin.line}`,
      needs: resource.needs.map((ref) => `${TYPE_SHORT[ref.typeUrl]} ${ref.name}`),
      message: messageToJson(resource.typeUrl, resource.bytes),
    }));
    const text = documents.map((document) => stringify(document, { lineWidth: 120 })).join('---\n');
    await expect(text).toMatchFileSnapshot(resolve(GOLDEN, `${name}.yaml`));
  });

  it('bootstrap.yaml: what a sidecar starts with', async () => {
    const text = stringify(
      {
        command: commandLine({ configPath: 'bootstrap.json', adminAddressPath: 'admin-address' }).join(' '),
        bootstrap: bootstrap({
          nodeId: 'node-a',
          group: 'lab',
          xds: ['127.0.0.1:18000', '127.0.0.1:18010'],
          listeners: { models: '127.0.0.1:15002' },
        }),
      },
      { lineWidth: 120, aliasDuplicateObjects: false },
    );
    await expect(text).toMatchFileSnapshot(resolve(GOLDEN, 'bootstrap.yaml'));
  });

  it('the bootstrap that users find in envoy/ is the generated one', () => {
    const sample = readFileSync(resolve(import.meta.dirname, '../../../envoy/bootstrap.json'), 'utf8');
    const generated = bootstrap({ nodeId: 'a', group: 'lab', xds: ['127.0.0.1:18000'] });
    expect(JSON.parse(sample)).toEqual(generated);
  });
});
