import { describe, expect, it } from 'vitest';
import { type ClientResource, resourceStatus } from '../../../../src/edge/xds/services/client-status.ts';

const CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const SECRET = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';

const refusal = { version: '2', message: 'no such filter', atMs: 2000 };

type Story = Omit<ClientResource, 'typeUrl' | 'name'>;

function show(story: Story, typeUrl: string = CLUSTER, contents = true): ReturnType<typeof resourceStatus> {
  return resourceStatus({ typeUrl, name: 'chat', ...story }, { contents });
}

describe('the life of a resource', () => {
  it.each<[string, Story, string, string]>([
    ['is to be sent', { wantedVersion: '1' }, 'NOT_SENT', 'REQUESTED'],
    ['is asked for and not there', {}, 'NOT_SENT', 'REQUESTED'],
    ['is on its way', { wantedVersion: '1', sentVersion: '1' }, 'STALE', 'REQUESTED'],
    ['has arrived', { wantedVersion: '1', sentVersion: '1', ackedVersion: '1' }, 'SYNCED', 'ACKED'],
    ['was brought along by a node that comes back', { wantedVersion: '1', ackedVersion: '1' }, 'SYNCED', 'ACKED'],
    ['has a new version', { wantedVersion: '2', sentVersion: '1', ackedVersion: '1' }, 'NOT_SENT', 'ACKED'],
    ['has one on its way', { wantedVersion: '2', sentVersion: '2', ackedVersion: '1' }, 'STALE', 'ACKED'],
    ['is taken back too late', { wantedVersion: '1', sentVersion: '2', ackedVersion: '1' }, 'NOT_SENT', 'ACKED'],
    ['is refused', { wantedVersion: '2', sentVersion: '2', ackedVersion: '1', refusal }, 'ERROR', 'NACKED'],
    ['is refused at once', { wantedVersion: '2', sentVersion: '2', refusal }, 'ERROR', 'NACKED'],
    [
      'is refused, so the old one stays wanted',
      { wantedVersion: '1', sentVersion: '2', ackedVersion: '1', refusal },
      'SYNCED',
      'NACKED',
    ],
    [
      'is refused and mended',
      { wantedVersion: '3', sentVersion: '2', ackedVersion: '1', refusal },
      'NOT_SENT',
      'NACKED',
    ],
    [
      'is mended and on its way',
      { wantedVersion: '3', sentVersion: '3', ackedVersion: '1', ackedAtMs: 1000, refusal },
      'STALE',
      'NACKED',
    ],
    [
      'is mended and has arrived',
      { wantedVersion: '3', sentVersion: '3', ackedVersion: '3', ackedAtMs: 3000, refusal },
      'SYNCED',
      'ACKED',
    ],
    ['is to be removed', { sentVersion: '1', ackedVersion: '1' }, 'NOT_SENT', 'ACKED'],
    ['is being removed', { sentVersion: '', ackedVersion: '1' }, 'STALE', 'ACKED'],
    ['is gone', { sentVersion: '', ackedVersion: '' }, 'SYNCED', 'DOES_NOT_EXIST'],
  ])('it %s', (_, story, configStatus, clientStatus) => {
    expect(show(story)).toMatchObject({ version: story.wantedVersion ?? '', configStatus, clientStatus });
  });

  it('shows why it was refused until an ACK comes', () => {
    const story = { wantedVersion: '2', sentVersion: '2', sentAtMs: 1900, ackedVersion: '1', ackedAtMs: 1000, refusal };
    expect(show(story)).toMatchObject({
      lastUpdatedMs: 1900,
      errorState: { lastUpdateAttemptMs: 2000, details: 'no such filter', version: '2' },
    });
    const mended = show({ ...story, ackedVersion: '2', ackedAtMs: 2001 });
    expect(mended).toMatchObject({ lastUpdatedMs: 2001 });
    expect(mended).not.toHaveProperty('errorState');
  });
});

describe('contents', () => {
  const story = { wantedVersion: '1', bytes: Uint8Array.of(1) };

  it('are shown, unless they are not wanted', () => {
    expect(show(story)).toHaveProperty('bytes', story.bytes);
    expect(show(story, CLUSTER, false)).not.toHaveProperty('bytes');
  });

  it.each([
    SECRET,
    'envoy.extensions.transport_sockets.tls.v3.Secret',
    `any.host/${SECRET}`,
  ])('of a secret are never shown: %s', (typeUrl) => {
    const status = show(story, typeUrl);
    expect(status).toMatchObject({ name: 'chat', version: '1', configStatus: 'NOT_SENT' });
    expect(status).not.toHaveProperty('bytes');
  });
});
