import { parentPort, workerData } from 'node:worker_threads';
import { DeltaClient } from '../test/support/delta-client.ts';

const { address, streams, typeUrl } = workerData as { address: string; streams: number; typeUrl: string };
const clients = Array.from(
  { length: streams },
  (_, index) => new DeltaClient(address, { id: `reader-${index}`, cluster: 'lab' }),
);
for (const client of clients) client.send(typeUrl, { resource_names_subscribe: ['chat'] });
await Promise.all(clients.map(async (client) => client.ack(await client.next(typeUrl, 20_000))));
parentPort?.postMessage('ready');
parentPort?.on('message', async (version: string) => {
  if (version === '') {
    for (const client of clients) client.close();
    parentPort?.close();
    return;
  }
  await Promise.all(
    clients.map(async (client) => {
      for (;;) {
        const response = await client.next(typeUrl, 20_000);
        client.ack(response);
        if (response.resources[0]?.version === version) return;
      }
    }),
  );
  parentPort?.postMessage('all');
});
