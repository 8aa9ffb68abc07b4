import { LoadlineError } from '../base/errors.ts';
import type { Log, Metrics, TlsView } from '../edge/observe/index.ts';
import {
  type ClientCertificate,
  checkServerTls,
  type HandshakeFailure,
  readTlsFiles,
  type ServerTls,
  type TlsFiles,
  type TlsMaterial,
  type TlsTexts,
  TlsWatch,
  type Validity,
  type ValidityState,
  validityState,
} from '../edge/tls/index.ts';

/** A listener that can take other certificates while it runs. */
export interface CertificateUser {
  renewTls(tls: TlsMaterial): void;
  /** Why a client must go, or undefined where it may stay. */
  endClients(verdict: (client: ClientCertificate) => string | undefined): void;
}

type Stand = { readonly tls: ServerTls; readonly texts: TlsTexts };
type CertificateMetrics = Pick<Metrics, 'tlsReloaded' | 'handshakeFailed'>;

const REVIEW_MS = 60_000;
/** Lines about clients that were not let in: one that tries again and again must not fill the disk. */
const MAX_LINES_PER_MIN = 10;

/**
 * The certificates of the server through its life: taken at its start, renewed when the files change, watched until they
 * end. Streams outlive all of it, except those of clients whose own certificate ends or is revoked.
 */
export class Certificates {
  readonly #files: TlsFiles;
  readonly #log: Log;
  readonly #now: () => number;
  #stand: Stand;
  #problems: readonly string[] = [];
  /** What was told of each certificate, so that it is told once. */
  readonly #told = new Map<string, ValidityState>();
  #users: readonly CertificateUser[] = [];
  #metrics: CertificateMetrics | undefined;
  #watch: TlsWatch | undefined;
  #reviews: NodeJS.Timeout | undefined;
  #lines = 0;

  private constructor(files: TlsFiles, log: Log, now: () => number, stand: Stand) {
    this.#files = files;
    this.#log = log;
    this.#now = now;
    this.#stand = stand;
  }

  /** @throws LoadlineError LOADLINE_TLS when the server cannot start with these files */
  static async open(files: TlsFiles, log: Log, now: () => number = Date.now): Promise<Certificates> {
    const read = readTlsFiles(files);
    const checked = read.ok ? await checkServerTls(files, read.value, now()) : read;
    if (!read.ok || !checked.ok) {
      const issues = checked.ok ? [] : checked.issues;
      throw new LoadlineError('LOADLINE_TLS', issues.map(({ message }) => message).join('; '));
    }
    return new Certificates(files, log, now, { tls: checked.value, texts: read.value });
  }

  get material(): TlsMaterial {
    return this.#stand.tls.material;
  }

  view(): TlsView {
    const nowMs = this.#now();
    return {
      certificates: this.#stand.tls.validities.map((one) => ({
        role: one.role,
        file: one.file,
        expiresAtMs: one.notAfterMs,
        state: validityState(one, nowMs),
      })),
      problems: this.#problems,
    };
  }

  start(users: readonly CertificateUser[], metrics: CertificateMetrics): void {
    this.#users = users;
    this.#metrics = metrics;
    this.#watch = new TlsWatch(
      this.#files,
      this.#stand.texts,
      {
        changed: (tls) => this.#changed(tls),
        refused: (issues) => this.#refused(issues.map(({ message }) => message)),
      },
      this.#now,
    );
    this.#watch.start();
    this.#reviews = setInterval(() => this.review(), REVIEW_MS);
    this.#reviews.unref();
    this.review();
  }

  stop(): void {
    this.#watch?.stop();
    clearInterval(this.#reviews);
  }

  /** A client was not let in. */
  handshakeFailed(listener: 'xds' | 'admin', { reason, code }: HandshakeFailure): void {
    if (reason === undefined) return;
    this.#metrics?.handshakeFailed(listener, reason);
    this.#lines += 1;
    if (this.#lines <= MAX_LINES_PER_MIN)
      this.#log.warn({ listener, reason, code }, 'client refused in the TLS handshake');
  }

  /** Once a minute: tells what comes to its end, and ends those whose certificate has. */
  review(): void {
    if (this.#lines > MAX_LINES_PER_MIN) {
      const left = this.#lines - MAX_LINES_PER_MIN;
      this.#log.warn({ clients: left }, 'more clients were refused in the TLS handshake');
    }
    this.#lines = 0;
    const nowMs = this.#now();
    for (const validity of this.#stand.tls.validities) this.#tell(validity, validityState(validity, nowMs));
    this.#endClients((client) => (nowMs >= client.notAfterMs ? 'the client certificate has expired' : undefined));
  }

  #changed(tls: ServerTls): void {
    this.#stand = { ...this.#stand, tls };
    this.#problems = [];
    for (const user of this.#users) user.renewTls(tls.material);
    this.#metrics?.tlsReloaded('accepted');
    const [server] = tls.validities;
    this.#log.info({ expires: timeText(server?.notAfterMs) }, 'certificates renewed');
    this.#told.clear();
    this.review();
    if (tls.revoked.size === 0) return;
    this.#endClients(({ serialNumber }) =>
      tls.revoked.has(serialNumber) ? 'the client certificate is revoked' : undefined,
    );
  }

  #refused(problems: readonly string[]): void {
    this.#problems = problems;
    if (problems.length === 0) {
      this.#log.info({}, 'the certificate files are again those that are in use');
      return;
    }
    this.#metrics?.tlsReloaded('refused');
    this.#log.error({ reason: problems.join('; ') }, 'certificates refused; the server keeps those that it has');
  }

  #tell({ role, file, notAfterMs }: Validity, state: ValidityState): void {
    if (this.#told.get(role) === state) return;
    this.#told.set(role, state);
    const fields = { certificate: role, file, expires: timeText(notAfterMs) };
    switch (state) {
      case 'Valid':
        return;
      case 'Late':
        this.#log.warn(fields, 'certificate expires soon, and nobody has renewed it');
        return;
      case 'Urgent':
        this.#log.error(fields, 'certificate is about to expire');
        return;
      case 'Expired':
        this.#log.error(fields, 'certificate has expired');
    }
  }

  #endClients(verdict: (client: ClientCertificate) => string | undefined): void {
    for (const user of this.#users) user.endClients(verdict);
  }
}

function timeText(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
