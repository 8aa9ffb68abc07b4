import type { JsonObject } from '../../base/codec/index.ts';
import { isIpAddress } from './socket-address.ts';

export type SubjectAltNameKind = 'URI' | 'IP_ADDRESS' | 'DNS';

export function kindOfName(name: string): SubjectAltNameKind {
  if (name.includes('://')) return 'URI';
  return isIpAddress(name) ? 'IP_ADDRESS' : 'DNS';
}

/** Of which a certificate must have one. A DNS name is there too where the certificate has a wildcard for it. */
export function subjectAltNameMatchers(names: readonly string[]): readonly JsonObject[] {
  return names.map((name) => ({ san_type: kindOfName(name), matcher: { exact: name } }));
}
