import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { buildGoTool, type GoTool } from './go-tool.ts';

export function buildGoClient(): Promise<GoTool> {
  return buildGoTool('grpc-go-client');
}

/** A process that calls the target of its bootstrap over and over. */
export class GoClient {
  /** Who answered, call by call, or `error: …`. */
  readonly answers: string[] = [];
  readonly #child: ChildProcess;
  #rest = '';

  constructor(binary: string, bootstrap: string) {
    this.#child = spawn(binary, [], {
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
