import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import type { JsonValue } from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import { parseAddress } from '../../base/units/index.ts';
import { type ReadBootstrap, readBootstrap, readSecretFiles } from '../../core/resources/index.ts';
import type { ServerTarget } from './follower.ts';

/** What the bootstrap of the Envoy beside says, and how to reach the server that it names. */
export type Beside = Omit<ReadBootstrap, 'tls'> & { readonly targets: readonly ServerTarget[] };

/** @throws LoadlineError LOADLINE_CONFIG with the name of the file */
export async function readFiles(path: string): Promise<Beside> {
  const { tls, ...said } = await inFile(path, readBootstrap);
  if (tls === undefined) return { ...said, targets: said.xds.map((address) => ({ address })) };
  const fileOf = (name: string): string => resolve(dirname(path), name);
  const certificate = await inFile(fileOf(tls.certificateFile), (value) => value);
  const files = await inFile(fileOf(tls.authorityFile), (authority) => readSecretFiles(certificate, authority));
  const targets = said.xds.flatMap((address) =>
    namesFor(address, tls.serverNames).map((serverName) => ({ address, tls: { ...files, serverName } })),
  );
  return { ...said, targets };
}

/** Envoy takes any of the names; here one is tried after the other, unless the host that is dialled is among them. */
function namesFor(address: string, names: readonly string[]): readonly string[] {
  const parsed = parseAddress(address);
  const host = parsed.ok && parsed.value.kind === 'tcp' ? parsed.value.host : undefined;
  return host !== undefined && names.includes(host) ? [host] : names;
}

async function inFile<T>(path: string, read: (value: JsonValue) => T): Promise<T> {
  try {
    return read(parse(await readFile(path, 'utf8')) as JsonValue);
  } catch (error) {
    throw new LoadlineError('LOADLINE_CONFIG', `${path}: ${(error as Error).message}`, error);
  }
}
