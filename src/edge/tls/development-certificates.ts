import { chmodSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LoadlineError } from '../../base/errors.ts';

export type DevelopmentOptions = {
  readonly folder: string;
  readonly trustDomain: string;
  /** Names and addresses of the server, beside those of loopback. */
  readonly hosts: readonly string[];
  /** Each gets a certificate of its own. */
  readonly sidecars: readonly string[];
  readonly days: number;
  /** Whether files that are there may be replaced. */
  readonly force: boolean;
  readonly nowMs: number;
};

/** What was written, in this order: first the authority. */
export type DevelopmentFile = { readonly path: string; readonly spiffeId?: string };

type Pem = { readonly cert: string; readonly key: string };

const DAY_MS = 86_400_000;
const LOOPBACK = ['localhost', '127.0.0.1', '::1'];

/**
 * A development authority with certificates for the server, sidecars and a person. Keys are for their owner alone (0600).
 * @throws LoadlineError LOADLINE_CERTS when a file is there already, or cannot be written
 */
export async function writeDevelopmentCertificates(options: DevelopmentOptions): Promise<readonly DevelopmentFile[]> {
  const { folder, trustDomain, hosts, sidecars, days, nowMs } = options;
  const id = (path: string): string => `spiffe://${trustDomain}/${path}`;
  const wanted = [
    { file: 'server', spiffeId: id('server'), names: [...LOOPBACK, ...hosts] },
    ...sidecars.map((name) => ({ file: `sidecar-${name}`, spiffeId: id(`sidecar/${name}`), names: [] })),
    { file: 'admin', spiffeId: id('admin'), names: [] },
  ];
  refuseOverwriting(options, ['ca', ...wanted.map(({ file }) => file)]);
  const { CertificateAuthority } = await import('./certificate-authority.ts');
  const notAfterMs = nowMs + days * DAY_MS;
  const authority = await CertificateAuthority.create({
    name: `Loadline development (${trustDomain})`,
    nowMs,
    notAfterMs,
  });
  const pairs = [{ file: 'ca', pair: authority as Pem, found: {} }];
  for (const { file, spiffeId, names } of wanted) {
    const pair = await authority.issue({ name: file, names: [...names, spiffeId], notAfterMs });
    pairs.push({ file, pair, found: { spiffeId } });
  }
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return pairs.map(({ file, pair, found }) => ({ path: writePair(folder, file, pair), ...found }));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new LoadlineError('LOADLINE_CERTS', `${folder} cannot be written: ${code ?? message}`, error);
  }
}

function refuseOverwriting({ folder, force }: DevelopmentOptions, files: readonly string[]): void {
  if (force) return;
  const there = files.flatMap((file) => [`${file}.crt`, `${file}.key`]).find((file) => existsSync(join(folder, file)));
  if (there !== undefined)
    throw new LoadlineError('LOADLINE_CERTS', `${join(folder, there)} is there already; --force replaces it`);
}

/** The key first, and each by a rename: a server that watches the files never sees half of one. */
function writePair(folder: string, file: string, pair: Pem): string {
  const path = join(folder, `${file}.crt`);
  replace(join(folder, `${file}.key`), pair.key, 0o600);
  replace(path, pair.cert, 0o644);
  return path;
}

function replace(path: string, text: string, mode: number): void {
  const next = `${path}.new`;
  writeFileSync(next, text, { mode });
  // The mode of a file that was there already would stay.
  chmodSync(next, mode);
  renameSync(next, path);
}
