import { describe, expect, it } from 'vitest';
import { encodeMessage, type JsonObject, messageToJson, messageToRedactedJson } from '../../../src/base/codec/index.ts';

const SECRET = 'envoy.extensions.transport_sockets.tls.v3.Secret';
const CLUSTER = 'envoy.config.cluster.v3.Cluster';
const BYTES = Buffer.from('[redacted]').toString('base64');

const redacted = (type: string, json: JsonObject): JsonObject => messageToRedactedJson(type, encodeMessage(type, json));

const tls = (key: JsonObject): JsonObject => ({
  name: 'spiffe://m/chat',
  tls_certificate: {
    certificate_chain: { inline_string: 'PUBLIC' },
    private_key: key,
    password: { inline_bytes: Buffer.from('hunter2').toString('base64') },
  },
});

describe('messageToRedactedJson', () => {
  it('hides keys and passwords as Envoy does in its dumps, and nothing else', () => {
    expect(redacted(SECRET, tls({ inline_string: 'PRIVATE' }))).toEqual({
      name: 'spiffe://m/chat',
      tls_certificate: {
        certificate_chain: { inline_string: 'PUBLIC' },
        private_key: { inline_string: '[redacted]' },
        password: { inline_bytes: BYTES },
      },
    });
  });

  it('hides them in lists, in maps, and within an Any', () => {
    const keys = { session_ticket_keys: { keys: [{ inline_string: 'A' }, { inline_bytes: 'Qg==' }] } };
    expect(redacted(SECRET, keys)).toEqual({
      session_ticket_keys: { keys: [{ inline_string: '[redacted]' }, { inline_bytes: BYTES }] },
    });
    const generic = { generic_secret: { secret: { inline_string: 'A' }, secrets: { token: { inline_string: 'B' } } } };
    expect(redacted(SECRET, generic)).toEqual({
      generic_secret: {
        secret: { inline_string: '[redacted]' },
        secrets: { token: { inline_string: '[redacted]' } },
      },
    });
    const nested = (inner: JsonObject): JsonObject => ({
      name: 'chat',
      transport_socket: { name: 'tls', typed_config: { '@type': `type.googleapis.com/${SECRET}`, ...inner } },
    });
    const [plain, hidden] = [
      nested(tls({ filename: '/etc/key.pem' })),
      redacted(CLUSTER, nested(tls({ filename: '/etc/key.pem' }))),
    ];
    expect(JSON.stringify(hidden)).not.toMatch(/key\.pem|aHVudGVyMg/);
    expect(messageToJson(CLUSTER, encodeMessage(CLUSTER, plain))).toEqual(plain);
  });

  it('leaves numbers and unreadable parts out of what it hides, so that the rest is ProtoJSON still', () => {
    const provider = {
      tls_certificate: {
        private_key_provider: {
          provider_name: 'cryptomb',
          typed_config: { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '0.002s' },
        },
      },
    };
    const hidden = redacted(SECRET, provider);
    expect(hidden).toEqual({
      tls_certificate: {
        private_key_provider: {
          provider_name: 'cryptomb',
          typed_config: { '@type': 'type.googleapis.com/google.protobuf.Duration' },
        },
      },
    });
    expect(redacted(SECRET, tls({ inline_string: 'x' }))).toEqual(
      redacted(SECRET, redacted(SECRET, tls({ inline_string: 'x' }))),
    );
  });

  it('is the same as without where nothing is secret', () => {
    const json = { name: 'chat', connect_timeout: '0.250s', type: 'EDS' };
    expect(redacted(CLUSTER, json)).toEqual(json);
  });
});
