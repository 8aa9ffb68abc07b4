import { Server, ServerCredentials, type ServerDuplexStream, type ServiceDefinition } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage, grpcService, type JsonObject } from '../../src/base/codec/index.ts';
import { bodiesOf, heldBy } from './lab.ts';
import { ADS, TYPES, type Variant } from './protocol.ts';
import { bodyOf, resource } from './resources.ts';
import { type WireClient, WireConnection } from './wire-client.ts';
import { inWords, withoutNonce } from './wire-message.ts';

// The suite is as good as its client: what it writes and reads, against a server that says what the test tells it to.

const EDS = TYPES.eds.url;
const MESSAGE = { delta: 'DeltaDiscovery', sotw: 'Discovery' } as const;

/** Both ends of one aggregated stream. */
class Script {
  readonly requests: Record<string, unknown>[] = [];
  readonly client: WireClient;
  readonly #server: Server;
  readonly #connection: WireConnection;
  readonly #variant: Variant;
  #call: ServerDuplexStream<Buffer, Buffer> | undefined;

  static async start(variant: Variant): Promise<Script> {
    const server = new Server();
    const port = await new Promise<number>((resolve, reject) => {
      const bound = (error: Error | null, found: number): void => (error === null ? resolve(found) : reject(error));
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), bound);
    });
    return new Script(variant, server, new WireConnection(`127.0.0.1:${port}`));
  }

  constructor(variant: Variant, server: Server, connection: WireConnection) {
    this.#variant = variant;
    this.#server = server;
    this.#connection = connection;
    server.addService(grpcService(ADS.service) as unknown as ServiceDefinition, {
      [ADS.methods[variant]]: (call: ServerDuplexStream<Buffer, Buffer>) => {
        this.#call = call;
        call.on('data', (bytes: Buffer) => this.requests.push(decodeMessage(this.#name('Request'), bytes)));
        call.on('end', () => call.end());
      },
    });
    this.client = connection.open({ variant, service: 'ads', node: { id: 'n' } });
  }

  /** The requests so far, once there are as many. */
  async heard(count: number): Promise<readonly Record<string, unknown>[]> {
    for (let tries = 0; this.requests.length < count && tries < 200; tries += 1) await tick();
    return this.requests.splice(0);
  }

  say(json: JsonObject): void {
    this.#call?.write(Buffer.from(encodeMessage(this.#name('Response'), json)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    this.#connection.close();
    this.#server.forceShutdown();
  }

  #name(end: string): string {
    return `envoy.service.discovery.v3.${MESSAGE[this.#variant]}${end}`;
  }
}

async function tick(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5));
}

const assignment = { '@type': EDS, ...resource('eds', 'a').json };

describe('the client of the suite', () => {
  it('delta: writes what a delta client writes', async () => {
    await using script = await Script.start('delta');
    const { client } = script;
    client.subscribe('cds');
    client.subscribe('eds', 'a', 'b');
    client.unsubscribe('eds', 'b');
    const type_url = EDS;
    expect(await script.heard(3)).toEqual([
      { node: { id: 'n' }, type_url: TYPES.cds.url },
      { type_url, resource_names_subscribe: ['a', 'b'] },
      { type_url, resource_names_unsubscribe: ['b'] },
    ]);
    script.say({ type_url, nonce: '7', resources: [{ name: 'a', version: 'v1', resource: assignment }] });
    const response = await client.next('eds');
    client.nack(response, 'no', { subscribe: ['c'] });
    client.ack(response);
    client.send('eds', { errorDetail: {} });
    expect(await script.heard(3)).toEqual([
      { type_url, response_nonce: '7', error_detail: { code: 3, message: 'no' }, resource_names_subscribe: ['c'] },
      { type_url, response_nonce: '7' },
      { type_url, error_detail: {} },
    ]);
    const again = script.client;
    again.resume('eds', client);
    expect(await script.heard(1)).toEqual([
      { type_url, resource_names_subscribe: ['a', 'c'], initial_resource_versions: { a: 'v1' } },
    ]);
    expect(() => client.send('eds', { names: ['a'] })).toThrow('delta has no names');
  });

  it('delta: reads bodies, heartbeats, TTLs and removals, and holds what it accepts', async () => {
    await using script = await Script.start('delta');
    const { client } = script;
    client.subscribe('eds', 'a');
    await script.heard(1);
    const say = (nonce: string, fields: JsonObject): void => script.say({ type_url: EDS, nonce, ...fields });
    say('1', {
      resources: [{ name: 'a', version: 'v1', ttl: '1.5s', resource: assignment }],
      system_version_info: 's',
    });
    const first = await client.next('eds');
    expect(first).toMatchObject({ type: 'eds', typeUrl: EDS, nonce: '1', version: 's', removed: [] });
    expect(first.items).toMatchObject([{ name: 'a', version: 'v1', ttlMs: 1500, hasBody: true, typeUrl: EDS }]);
    expect(client.holds('eds')).toEqual([]);
    client.ack(first);
    say('2', { resources: [{ name: 'a', version: 'v1', ttl: '1.5s' }], removed_resources: ['b'] });
    const beat = await client.accept('eds');
    expect([inWords(beat), beat.items[0]?.hasBody]).toEqual(['eds +a -b', false]);
    expect(heldBy(client, 'eds')).toEqual(bodiesOf(resource('eds', 'a')));
    say('3', { removed_resources: ['a'] });
    await client.accept();
    expect(client.holds('eds')).toEqual([]);
  });

  it('sotw: writes the full set of names, the accepted version and the answered nonce', async () => {
    await using script = await Script.start('sotw');
    const { client } = script;
    client.subscribe('eds', 'a');
    client.subscribe('eds', 'b');
    const type_url = EDS;
    expect(await script.heard(2)).toEqual([
      { node: { id: 'n' }, type_url, resource_names: ['a'] },
      { type_url, resource_names: ['a', 'b'] },
    ]);
    script.say({ type_url, nonce: '1', version_info: 'v1', resources: [assignment] });
    await client.accept('eds');
    script.say({ type_url, nonce: '2', version_info: 'v2', resources: [assignment] });
    client.nack(await client.next('eds'), 'no', { unsubscribe: ['a'] });
    client.subscribe('eds', 'c');
    const error_detail = { code: 3, message: 'no' };
    expect(await script.heard(3)).toEqual([
      { type_url, resource_names: ['a', 'b'], version_info: 'v1', response_nonce: '1' },
      { type_url, resource_names: ['b'], version_info: 'v1', response_nonce: '2', error_detail },
      { type_url, resource_names: ['b', 'c'], version_info: 'v1', response_nonce: '2' },
    ]);
    expect(() => client.send('eds', { subscribe: ['a'] })).toThrow('sotw has no subscribe');
  });

  it('sotw: finds names inside, unwraps, and takes a list of clusters for the whole truth', async () => {
    await using script = await Script.start('sotw');
    const { client } = script;
    client.subscribe('cds');
    await script.heard(1);
    const cluster = (name: string): JsonObject => ({ '@type': TYPES.cds.url, ...resource('cds', name).json });
    const say = (nonce: string, type: 'cds' | 'eds', ...resources: JsonObject[]): void =>
      script.say({ type_url: TYPES[type].url, nonce, version_info: nonce, resources });
    say('1', 'cds', cluster('a'), cluster('b'));
    expect(inWords(await client.accept('cds'))).toBe('cds +a,b');
    say('2', 'cds', cluster('b'));
    await client.accept('cds');
    expect(heldBy(client, 'cds')).toEqual(bodiesOf(resource('cds', 'b')));
    const wrapper = 'type.googleapis.com/envoy.service.discovery.v3.Resource';
    say('3', 'eds', { '@type': wrapper, name: 'a', version: 'w', ttl: '3s', resource: assignment });
    const wrapped = await client.accept('eds');
    expect(wrapped.items).toMatchObject([{ name: 'a', version: 'w', ttlMs: 3000, wrapped: true, typeUrl: EDS }]);
    say('4', 'eds', { ...assignment, ...resource('eds', 'c').json });
    await client.accept('eds');
    expect(heldBy(client, 'eds')).toEqual(bodiesOf(resource('eds', 'a'), resource('eds', 'c')));
  });

  it('keeps raw bytes, tells responses apart by all but the nonce, and notices silence that is not', async () => {
    await using script = await Script.start('sotw');
    const { client } = script;
    client.subscribe('eds', 'a');
    await script.heard(1);
    for (const [nonce, version_info] of Object.entries({ 1: 'v', 2: 'v', 3: 'w' })) {
      script.say({ type_url: EDS, nonce, version_info, resources: [assignment] });
    }
    const [one, two, three] = [await client.next(), await client.next(), await client.next()];
    expect(withoutNonce(one)).toBe(withoutNonce(two));
    expect(withoutNonce(one)).not.toBe(withoutNonce(three));
    expect(one.items[0]?.raw.includes(bodyOf(resource('eds', 'a')))).toBe(true);
    await client.silent(20);
    script.say({ type_url: EDS, nonce: '4', version_info: 'w', resources: [assignment] });
    await expect(client.silent(50)).rejects.toThrow('expected silence, heard eds +a');
    await expect(client.next('cds', 20)).rejects.toThrow('no cds within 20 ms; unread: eds +a');
    client.halfClose();
    expect(await client.end()).toMatchObject({ code: 0 });
    await expect(client.silent(1, 'cds')).rejects.toThrow('the stream ended: 0');
  });
});
