import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.ts';
import { Pki } from '../pki.ts';

export type ApiObject = Readonly<Record<string, unknown>>;
type Answered = { readonly status: number; readonly body: ApiObject };

const READY_MS = 60_000;
const REQUEST_MS = 10_000;

/** A real kube-apiserver on loopback with RBAC and no controller beside it: what is written into it nobody acts upon. */
export class KubeApiserver {
  readonly url: string;
  readonly caFile: string;
  log = '';
  readonly #binary: string;
  readonly #pki: Pki;
  readonly #admin = randomBytes(16).toString('hex');
  readonly #flags: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(binary: string, pki: Pki, ports: readonly [number, number], cert: readonly [string, string]) {
    const [port, storePort] = ports;
    this.#binary = binary;
    this.#pki = pki;
    this.url = `https://127.0.0.1:${port}`;
    this.caFile = pki.write('api-ca.crt', pki.authority.cert);
    const tokens = pki.write('tokens.csv', `${this.#admin},admin,admin,system:masters\n`);
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = pki.write('service-accounts.key', privateKey.export({ type: 'pkcs1', format: 'pem' }).toString());
    this.#flags = [
      join(pki.folder, 'store'),
      `http://127.0.0.1:${storePort}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${port}`,
      `--tls-cert-file=${cert[0]}`,
      `--tls-private-key-file=${cert[1]}`,
      `--token-auth-file=${tokens}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${key}`,
      `--service-account-signing-key-file=${key}`,
      '--service-cluster-ip-range=10.0.0.0/24',
      '--endpoint-reconciler-type=none',
    ];
  }

  static async start(binary: string): Promise<KubeApiserver> {
    const pki = await Pki.create();
    const { cert, key } = await pki.issue();
    const files = [pki.write('api.crt', cert), pki.write('api.key', key)] as const;
    const server = new KubeApiserver(binary, pki, [await freePort(), await freePort()], files);
    await server.run();
    return server;
  }

  /** Starts it, again on the same store and port, and waits until it is ready. */
  async run(): Promise<void> {
    const child = spawn(this.#binary, this.#flags, { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.#pki.folder });
    this.#child = child;
    const take = (chunk: Buffer): void => {
      this.log = (this.log + chunk).slice(-100_000);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    for (const endMs = performance.now() + READY_MS; ; ) {
      const ready = await this.ask('GET', '/readyz').catch(() => undefined);
      if (ready?.status === 200) return;
      if (child.exitCode !== null || performance.now() > endMs) {
        child.kill('SIGKILL');
        throw new Error(`kube-apiserver is not ready:\n${this.log.slice(-3000)}`);
      }
      await sleep(100);
    }
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async dispose(): Promise<void> {
    await this.kill();
    this.#pki.dispose();
  }

  /** As the administrator of the cluster, where no other token is given. @throws Error for another status than that of success */
  async must(method: string, path: string, body?: unknown, type?: string): Promise<ApiObject> {
    const { status, body: answer } = await this.ask(method, path, { body, type });
    if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
    return answer;
  }

  ask(
    method: string,
    path: string,
    {
      body,
      type = 'application/json',
      token = this.#admin,
    }: { body?: unknown; type?: string | undefined; token?: string } = {},
  ): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': type };
      const ca = this.#pki.authority.cert;
      const asked = request(
        new URL(path, this.url),
        { method, headers, ca, agent: false, timeout: REQUEST_MS },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (piece: string) => {
            text += piece;
          });
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: objectIn(text) }));
          answer.on('error', reject);
        },
      );
      asked.on('timeout', () => asked.destroy(new Error(`${method} ${path}: no answer`)));
      asked.on('error', reject);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

/** `/readyz` answers a word. */
function objectIn(text: string): ApiObject {
  return text.startsWith('{') ? (JSON.parse(text) as ApiObject) : { text };
}
