import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

const SOURCE = resolve(import.meta.dirname, '../peers/grpc-go-client');
const BINARY = resolve(import.meta.dirname, '../../node_modules/.cache/loadline/grpc-go-client');
const BUILD_TIMEOUT_MS = 280_000;

/** Builds the client (20 s the first time, then Go's own cache knows better), or says why it cannot be built. */
export async function buildGoClient(): Promise<{ readonly missing?: string }> {
  try {
    await promisify(execFile)('go', ['build', '-o', BINARY, '.'], { cwd: SOURCE, timeout: BUILD_TIMEOUT_MS });
    return {};
  } catch (error) {
    const { code, stderr = '', message } = error as { code?: unknown; stderr?: string; message: string };
    return { missing: code === 'ENOENT' ? 'there is no `go` on PATH' : `go build: ${stderr.trim() || message}` };
  }
}

/** A process that calls the target of its bootstrap over and over. */
export class GoClient {
  /** Who answered, call by call, or `error: …`. */
  readonly answers: string[] = [];
  readonly #child: ChildProcess;
  #rest = '';

  constructor(bootstrap: string) {
    this.#child = spawn(BINARY, [], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, GRPC_XDS_BOOTSTRAP_CONFIG: bootstrap },
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (this.#rest + chunk).split('\n');
      this.#rest = lines.pop() ?? '';
      this.answers.push(...lines);
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.stdin?.end();
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 6000);
    await exited;
    clearTimeout(late);
  }
}
