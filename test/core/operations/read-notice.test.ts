import { describe, expect, it } from 'vitest';
import { endpointsOn, readInstanceAction, readNotice } from '../../../src/core/operations/index.ts';
import { anEndpoint } from '../resources/build-policy.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const INSTANCE = 'i-0123456789abcdef0';

/** As AWS documents the event. */
function event(over: Record<string, unknown> = {}, detail: Record<string, unknown> = {}): string {
  return JSON.stringify({
    version: '0',
    id: '12345678-1234-1234-1234-123456789012',
    'detail-type': 'EC2 Spot Instance Interruption Warning',
    source: 'aws.ec2',
    account: '123456789012',
    time: '2026-01-02T03:04:00Z',
    region: 'us-east-2',
    resources: [`arn:aws:ec2:us-east-2a:instance/${INSTANCE}`],
    detail: { 'instance-id': INSTANCE, 'instance-action': 'terminate', ...detail },
    ...over,
  });
}

describe('a notice', () => {
  it.each([
    [{ address: '10.0.0.1', deadline: '2m' }, { kind: 'Address', address: '10.0.0.1' }, NOW + 120_000],
    [
      { address: '10.0.0.1:8000', deadline: '2026-01-02T03:05:05+00:00', reason: 'rack 7' },
      { kind: 'Address', address: '10.0.0.1', port: 8000 },
      NOW + 60_000,
    ],
    [
      { address: '[2001:db8::1]:8000', deadline: '90s' },
      { kind: 'Address', address: '2001:db8::1', port: 8000 },
      NOW + 90_000,
    ],
    [{ instance: INSTANCE, deadline: '2026-01-02T03:03:05Z' }, { kind: 'Instance', id: INSTANCE }, NOW - 60_000],
  ])('in JSON: %j', (body, machine, atMs) => {
    const notice = readNotice(JSON.stringify(body), NOW);
    expect(notice).toEqual({
      ok: true,
      value: { machine, atMs, reason: 'reason' in body ? 'rack 7' : 'the machine goes away' },
      warnings: [],
    });
  });

  it.each([
    ['terminate', 115_000],
    ['stop', 115_000],
    // It has begun when the warning comes.
    ['hibernate', -5000],
  ])('of EventBridge: %s', (action, leftMs) => {
    expect(readNotice(event({}, { 'instance-action': action }), NOW)).toEqual({
      ok: true,
      value: {
        machine: { kind: 'Instance', id: INSTANCE },
        atMs: NOW + leftMs,
        reason: `EC2 Spot interruption: ${action} ${INSTANCE}`,
      },
      warnings: [],
    });
  });

  it.each([
    ['', '', /^no JSON; expected \{"address"/],
    ['[]', '', /^no JSON object/],
    ['{}', 'address', /either an address or an instance/],
    [JSON.stringify({ address: '10.0.0.1', instance: INSTANCE, deadline: '2m' }), 'address', /either/],
    [JSON.stringify({ address: 'gpu-7', deadline: '2m' }), 'address', /an IP address as in the policy/],
    [JSON.stringify({ address: '10.0.0.1:0', deadline: '2m' }), 'address', /an IP address/],
    [JSON.stringify({ address: 7, deadline: '2m' }), 'address', /an IP address/],
    [JSON.stringify({ instance: 'a b', deadline: '2m' }), 'instance', /the name of a machine/],
    [JSON.stringify({ address: '10.0.0.1' }), 'deadline', /a time such as .* or a duration/],
    [JSON.stringify({ address: '10.0.0.1', deadline: 'soon' }), 'deadline', /a time such as/],
    [JSON.stringify({ address: '10.0.0.1', deadline: '2026-13-45T03:04:05Z' }), 'deadline', /a time such as/],
    [JSON.stringify({ address: '10.0.0.1', deadline: '2026-01-02T02:04:05Z' }), 'deadline', /is gone since/],
    [JSON.stringify({ address: '10.0.0.1', deadline: '25h' }), 'deadline', /more than a day away/],
    [JSON.stringify({ address: '10.0.0.1', deadline: '2m', reason: 7 }), 'reason', /a text/],
    [JSON.stringify({ address: '10.0.0.1', deadlin: '2m' }), 'deadlin', /no such field/],
    [event({ 'detail-type': 'EC2 Instance Rebalance Recommendation' }), 'detail-type', /says of no machine/],
    [event({ 'detail-type': undefined }), 'detail-type', /^nothing says/],
    [event({ source: 'my.app' }), 'detail-type', /of aws.ec2/],
    [event({ time: undefined }), 'time', /when the event was sent/],
    [event({ time: '2026-01-01T03:04:00Z' }), 'time', /is gone since/],
    [event({}, { 'instance-action': 'dance' }), 'detail.instance-action', /terminate, stop or hibernate/],
    [event({}, { 'instance-id': 7 }), 'detail.instance-id', /the name of a machine/],
    [event({ detail: null }), 'detail.instance-action', /terminate/],
  ])('that is none is refused with its field: %s', (text, path, message) => {
    expect(readNotice(text, NOW)).toEqual({
      ok: false,
      issues: [expect.objectContaining({ code: 'Invalid', path, message: expect.stringMatching(message) })],
    });
  });

  it('is about every server at an address, however it is written, or the one with that port, or by the name of the machine', () => {
    const [one, two] = [8001, 8002].map((port) => anEndpoint('chat', port, { address: '2001:db8::1' }));
    const other = anEndpoint('chat', 8001, { address: '10.0.0.1', instance: INSTANCE });
    const node = anEndpoint('chat', 8001, { address: '10.0.0.2', node: 'gpu-7' });
    const all = [one, two, other, node] as (typeof other)[];
    expect(endpointsOn({ kind: 'Address', address: '2001:0DB8:0::1' }, all)).toEqual([one, two]);
    expect(endpointsOn({ kind: 'Address', address: '2001:db8::1', port: 8002 }, all)).toEqual([two]);
    expect(endpointsOn({ kind: 'Instance', id: INSTANCE }, all)).toEqual([other]);
    expect(endpointsOn({ kind: 'Instance', id: 'gpu-7' }, all)).toEqual([node]);
    expect(endpointsOn({ kind: 'Address', address: '10.0.0.3' }, all)).toEqual([]);
  });
});

describe('what an instance is told of itself', () => {
  it('is an action and a time', () => {
    expect(readInstanceAction('{"action": "terminate", "time": "2026-01-02T03:06:05Z"}')).toEqual({
      ok: true,
      value: { action: 'terminate', atMs: NOW + 120_000 },
      warnings: [],
    });
  });

  it.each([
    '',
    'null',
    '{}',
    '{"action": "terminate"}',
    '{"action": "x y", "time": "2026-01-02T03:06:05Z"}',
  ])('or nothing that anybody understands: %s', (text) => {
    expect(readInstanceAction(text)).toMatchObject({ ok: false, issues: [{ code: 'Invalid' }] });
  });
});
