import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { askAdmin, parseClusters, parseStats } from '../../../src/edge/envoy/admin.ts';

describe('pages of the admin interface', () => {
  it('tell weight, load and health of every host', () => {
    const page = {
      cluster_statuses: [
        {
          name: 'chat',
          host_statuses: [
            {
              address: { socket_address: { address: '10.0.0.1', port_value: 8000 } },
              weight: 700,
              locality: { zone: 'a' },
              stats: [
                { name: 'rq_total', value: '12' },
                { name: 'rq_active', type: 'GAUGE', value: '3' },
                { name: 'rq_error' },
              ],
              health_status: { eds_health_status: 'DRAINING', failed_outlier_check: true },
            },
            { address: { pipe: { path: '/run/x.sock' } } },
          ],
        },
      ],
    };
    expect(parseClusters(JSON.stringify(page))).toEqual({
      chat: [
        {
          address: '10.0.0.1:8000',
          weight: 700,
          priority: 0,
          zone: 'a',
          rqActive: 3,
          rqTotal: 12,
          rqSuccess: 0,
          rqError: 0,
          edsHealth: 'DRAINING',
          ejected: true,
        },
        {
          address: '/run/x.sock',
          weight: 0,
          priority: 0,
          zone: '',
          rqActive: 0,
          rqTotal: 0,
          rqSuccess: 0,
          rqError: 0,
          edsHealth: 'UNKNOWN',
          ejected: false,
        },
      ],
    });
  });

  it('are refused when they are something else', () => {
    expect(() => parseClusters('<html>')).toThrow(/no JSON/);
  });

  it('give counters and gauges, not histograms', () => {
    expect(parseStats('a.b: 1\na: with colon: 2\nh: P0(nan,1)\nempty\n')).toEqual({ 'a.b': 1, 'a: with colon': 2 });
  });

  it('are asked with the method that changes things only when told', async () => {
    const methods: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      methods.push(request.method);
      response.writeHead(404).end('no');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await askAdmin(address, '/x')).toEqual({ status: 404, body: 'no' });
    await askAdmin(address, '/y', 'POST');
    expect(methods).toEqual(['GET', 'POST']);
    await new Promise((done) => server.close(done));
    await expect(askAdmin(address, '/x')).rejects.toMatchObject({ code: 'LOADLINE_ENVOY_FAILED' });
  });
});
