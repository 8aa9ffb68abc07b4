import { DeltaClient } from '../test/support/delta-client.ts';

const [address = '', streams = '0', typeUrl = ''] = process.argv.slice(2);
const clients = Array.from(
  { length: Number(streams) },
  (_, index) => new DeltaClient(address, { id: `reader-${index}`, cluster: 'lab' }),
);
for (const client of clients) client.send(typeUrl, { resource_names_subscribe: ['chat'] });
await Promise.all(clients.map(async (client) => client.ack(await client.next(typeUrl, 20_000))));
process.send?.('ready');
process.on('disconnect', () => process.exit());
process.on('message', async (version: string) => {
  await Promise.all(
    clients.map(async (client) => {
      for (;;) {
        const response = await client.next(typeUrl, 20_000);
        client.ack(response);
        if (response.resources[0]?.version === version) return;
      }
    }),
  );
  process.send?.('all');
});
