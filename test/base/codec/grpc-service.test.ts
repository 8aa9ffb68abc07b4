import {
  credentials,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
} from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { decodeDeltaRequest, encodeDeltaResponse, encodeMessage, grpcService } from '../../../src/base/codec/index.ts';

const ADS = 'envoy.service.discovery.v3.AggregatedDiscoveryService';

describe('grpcService', () => {
  it('lists the methods of a service with their paths', () => {
    expect(grpcService(ADS)).toMatchObject({
      StreamAggregatedResources: {
        path: `/${ADS}/StreamAggregatedResources`,
        requestStream: true,
        responseStream: true,
      },
      DeltaAggregatedResources: {
        path: `/${ADS}/DeltaAggregatedResources`,
        requestType: 'envoy.service.discovery.v3.DeltaDiscoveryRequest',
        responseType: 'envoy.service.discovery.v3.DeltaDiscoveryResponse',
      },
    });
    expect(grpcService('envoy.service.load_stats.v3.LoadReportingService')).toHaveProperty('StreamLoadStats');
    expect(grpcService('envoy.service.status.v3.ClientStatusDiscoveryService')).toMatchObject({
      FetchClientStatus: { requestStream: false, responseStream: false },
    });
  });

  it('refuses a service that is not in the descriptor set', () => {
    expect(() => grpcService('envoy.service.Nothing')).toThrow(
      expect.objectContaining({ code: 'LOADLINE_CODEC_UNKNOWN_TYPE' }),
    );
  });

  it('carries raw bytes through a real server and client', async () => {
    const service = grpcService(ADS);
    const server = new Server();
    server.addService(service, {
      deltaAggregatedResources: (call: ServerDuplexStream<Buffer, Buffer>) => {
        call.on('data', (bytes: Buffer) => {
          const { typeUrl, nonce } = decodeDeltaRequest(bytes);
          call.end(void call.write(encodeDeltaResponse({ typeUrl, resources: [], removed: [nonce], nonce: 'n' })));
        });
      },
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    const Client = makeGenericClientConstructor(service, 'ads');
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    try {
      const call = client.DeltaAggregatedResources?.();
      const answer = new Promise<Buffer>((resolve, reject) => call.on('data', resolve).on('error', reject));
      call.write(
        Buffer.from(
          encodeMessage('envoy.service.discovery.v3.DeltaDiscoveryRequest', { type_url: 't', response_nonce: 'r' }),
        ),
      );
      expect(await answer).toEqual(encodeDeltaResponse({ typeUrl: 't', resources: [], removed: ['r'], nonce: 'n' }));
    } finally {
      client.close();
      server.forceShutdown();
    }
  });
});
