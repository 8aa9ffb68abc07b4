import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bodiesOf, heldBy, Lab, namesOf, QUIET_MS, settle } from './lab.ts';
import { ALL, linesOf, STATUS, TYPES, VARIANTS } from './protocol.ts';
import { resource } from './resources.ts';
import { startTarget } from './target.ts';

// What a stream does with requests that it cannot serve, and how it ends. xds_protocol.rst, "Basic Protocol Overview" (the
// node), "Aggregated Discovery Service"; discovery.proto: type_url "is required for ADS", implicit in a per-type API.

/** Proof that the server lives: a new client of the same kind is served. */
async function servesAnother(lab: Lab, variant: (typeof VARIANTS)[number]): Promise<void> {
  const client = lab.open({ variant, id: 'another' });
  client.subscribe('cds', 'a');
  expect(namesOf(await client.accept('cds'))).toEqual(['a']);
}

describe.concurrent('a request that cannot be served', () => {
  it.for(VARIANTS)('%s: without type_url ends an aggregated stream, with words', async (variant) => {
    await using lab = await Lab.start(resource('cds', 'a'));
    const client = lab.open({ variant });
    client.send('', {});
    const { code, details } = await client.end();
    expect(code).toBe(STATUS.INVALID_ARGUMENT);
    expect(details).toMatch(/type.?url/i);
    await servesAnother(lab, variant);
  });

  it.for(VARIANTS)('%s: for a type that nobody knows leaves the other types alone', async (variant) => {
    await using lab = await Lab.start(resource('cds', 'a'), resource('eds', 'a'));
    const client = lab.open({ variant });
    const unknown = 'type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration';
    client.send(unknown, variant === 'delta' ? { subscribe: ['x'] } : { names: ['x'] });
    client.subscribe('cds');
    client.send('type.googleapis.com/nobody.knows.This', {});
    client.subscribe('eds', 'a');
    expect(namesOf(await client.accept('cds'))).toEqual(['a']);
    expect(namesOf(await client.accept('eds'))).toEqual(['a']);
    await settle(client);
    await lab.set(resource('cds', 'a', 2), resource('eds', 'a', 2));
    await client.accept('cds');
    await client.accept('eds');
  });

  it.for(linesOf(ALL).filter(({ via }) => via === 'per-type'))('%s: may leave its type_url out', async (line) => {
    const { type, variant } = line;
    await using lab = await Lab.start(resource(type, 'a'));
    const client = lab.open(line);
    client.send('', variant === 'delta' ? { subscribe: ['a'] } : { names: ['a'] });
    const response = await client.next();
    expect(response.typeUrl).toBe(TYPES[type].url);
    expect(namesOf(response)).toEqual(['a']);
    const versionInfo = variant === 'sotw' ? { names: ['a'], versionInfo: response.version } : {};
    client.send('', { ...versionInfo, nonce: response.nonce });
    await client.silent(QUIET_MS);
    await lab.set(resource(type, 'a', 2));
    expect(namesOf(await client.next(type))).toEqual(['a']);
  });

  it.for(
    linesOf(ALL).filter(({ via }) => via === 'per-type'),
  )('%s: with the type of another service is refused', async (line) => {
    await using lab = await Lab.start(resource('cds', 'a'));
    const client = lab.open(line);
    client.send(line.type === 'cds' ? 'eds' : 'cds');
    const { code, details } = await client.end();
    expect(code).toBe(STATUS.INVALID_ARGUMENT);
    expect(details).not.toBe('');
    await servesAnother(lab, line.variant);
  });

  it.for(linesOf(['cds', 'eds']))('%s: without a node in the first message is refused, with words', async (line) => {
    await using lab = await Lab.start(resource('cds', 'a'));
    const client = lab.open(line);
    client.send(line.type, {}, { node: false });
    const { code, details } = await client.end();
    expect(code).not.toBe(STATUS.OK);
    expect(details).toMatch(/node/);
    await servesAnother(lab, line.variant);
  });

  it.for(linesOf(['cds', 'eds']))('%s: that is no message ends its stream alone', async (line) => {
    const { type, variant } = line;
    await using lab = await Lab.start(resource('cds', 'a'), resource('eds', 'a'));
    const connection = lab.connect();
    const other = lab.open({ ...line, on: connection });
    other.subscribe(type, 'a');
    await other.accept(type);
    for (const junk of [Buffer.from([0xff, 0xff, 0xff]), Buffer.from('\n\x7fcut off'), Buffer.from([0x0b])]) {
      const first = lab.open({ ...line, on: connection });
      first.sendBytes(junk);
      expect((await first.end()).code).not.toBe(STATUS.OK);
      const later = lab.open({ ...line, on: connection });
      later.subscribe(type, 'a');
      await later.accept(type);
      later.sendBytes(junk);
      const { code, details } = await later.end();
      expect([code !== STATUS.OK, details !== '']).toEqual([true, true]);
    }
    await lab.set(resource('cds', 'a', 2), resource('eds', 'a', 2));
    await other.accept(type);
    expect(heldBy(other, type)).toEqual(bodiesOf(resource(type, 'a', 2)));
    await servesAnother(lab, variant);
  });
});

describe.concurrent('a stream', () => {
  it.for(linesOf(['cds', 'eds']))('%s: takes its node from the first message, and again if need be', async (line) => {
    const { type, variant } = line;
    await using lab = await Lab.start(resource(type, 'a'), resource(type, 'b'));
    const client = lab.open(line);
    client.subscribe(type, 'a');
    const { nonce, version } = await client.next(type);
    const more = variant === 'delta' ? { subscribe: ['b'] } : { names: ['a', 'b'], versionInfo: version };
    // Envoy up to 1.37 sends its node with every request.
    client.send(type, { ...more, nonce }, { node: true });
    expect(namesOf(await client.accept(type))).toContain('b');
    await client.silent(QUIET_MS);
  });

  it.for(linesOf(['cds', 'eds']))('%s: that the client half-closes ends with OK', async (line) => {
    await using lab = await Lab.start(resource('cds', 'a'), resource('eds', 'a'));
    const client = lab.open(line);
    client.subscribe(line.type, 'a');
    await client.accept(line.type);
    client.halfClose();
    expect((await client.end()).code).toBe(STATUS.OK);
    const unused = lab.open(line);
    unused.halfClose();
    expect((await unused.end()).code).toBe(STATUS.OK);
    await servesAnother(lab, line.variant);
  });

  it.for(VARIANTS)('%s: is one of a hundred on a connection', async (variant) => {
    await using lab = await Lab.start(resource('cds', 'a'), resource('eds', 'a'));
    const connection = lab.connect();
    const clients = Array.from({ length: 100 }, (_, at) =>
      lab.open({ variant, via: at % 2 ? 'per-type' : 'aggregated', type: 'eds', id: `n${at}`, on: connection }),
    );
    for (const client of clients) client.subscribe('eds', 'a');
    await Promise.all(clients.map((client) => client.accept('eds')));
    await lab.set(resource('cds', 'a'), resource('eds', 'a', 2));
    await Promise.all(clients.map((client) => client.accept('eds')));
    for (const client of clients) expect(heldBy(client, 'eds')).toEqual(bodiesOf(resource('eds', 'a', 2)));
  });

  it.for(linesOf(['cds', 'eds']))('%s: runs over a UNIX socket as well', async (line) => {
    const folder = mkdtempSync(join(tmpdir(), 'conformance-'));
    try {
      await using lab = new Lab(await startTarget(`unix:${join(folder, 'xds.sock')}`));
      await lab.set(resource(line.type, 'a'));
      const client = lab.open(line);
      client.subscribe(line.type, 'a');
      expect(namesOf(await client.accept(line.type))).toEqual(['a']);
      await lab.set(resource(line.type, 'a', 2));
      await client.accept(line.type);
      expect(heldBy(client, line.type)).toEqual(bodiesOf(resource(line.type, 'a', 2)));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
