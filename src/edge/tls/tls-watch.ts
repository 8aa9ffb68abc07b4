import type { Issue } from '../../base/units/index.ts';
import { checkServerTls, type ServerTls } from './server-tls.ts';
import { readTlsFiles, type TlsFiles, type TlsTexts } from './tls-files.ts';

/** What a watch tells, and when. */
export interface TlsListener {
  /** Other material, checked. */
  changed(tls: ServerTls): void;
  /** What is in the files now cannot be used; what was told before stays. Told once for each mistake; empty when the files are as before. */
  refused(issues: readonly Issue[]): void;
}

/** As often as the policy: a rotation is never urgent, and four small files cost nothing. */
const POLL_MS = 1000;

/**
 * Looks at the files again and again, because change notifications miss the symbolic links of a Kubernetes secret. What
 * differs is taken after two equal reads: whoever writes a certificate and then its key is not caught between them.
 */
export class TlsWatch {
  readonly #files: TlsFiles;
  readonly #listener: TlsListener;
  readonly #now: () => number;
  #told: string;
  #pending: string | undefined;
  #refused: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #checking = false;

  /** @param first what the server began with */
  constructor(files: TlsFiles, first: TlsTexts, listener: TlsListener, now: () => number = Date.now) {
    this.#files = files;
    this.#listener = listener;
    this.#now = now;
    this.#told = first.hash;
  }

  start(): void {
    this.#timer = setInterval(() => void this.poll(), POLL_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async poll(): Promise<void> {
    if (this.#checking) return;
    const read = readTlsFiles(this.#files);
    const seen = read.ok ? read.value.hash : read.issues.map(({ message }) => message).join('\n');
    if (seen === this.#told) {
      this.#pending = undefined;
      if (this.#refused !== undefined) this.#restored();
      return;
    }
    if (seen !== this.#pending) {
      this.#pending = seen;
      return;
    }
    this.#checking = true;
    try {
      const checked = read.ok ? await checkServerTls(this.#files, read.value, this.#now()) : read;
      if (checked.ok) {
        this.#told = seen;
        this.#refused = undefined;
        this.#listener.changed(checked.value);
      } else this.#refuse(checked.issues);
    } finally {
      this.#checking = false;
    }
  }

  #restored(): void {
    this.#refused = undefined;
    this.#listener.refused([]);
  }

  /** It is looked at again with each poll: a certificate that is not valid yet will be. */
  #refuse(issues: readonly Issue[]): void {
    const words = issues.map(({ message }) => message).join('\n');
    if (words === this.#refused) return;
    this.#refused = words;
    this.#listener.refused(issues);
  }
}
