import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

const PEERS = resolve(import.meta.dirname, '../peers');
const BINARIES = resolve(import.meta.dirname, '../../node_modules/.cache/loadline');
const BUILD_TIMEOUT_MS = 280_000;

/** Modules under test/peers and the program that each is for. */
const PROGRAMS = { 'grpc-go-client': '.', h2spec: 'github.com/summerwind/h2spec/cmd/h2spec' } as const;
export const GO_TOOLS: readonly (keyof typeof PROGRAMS)[] = ['grpc-go-client', 'h2spec'];

export type GoTool = { readonly binary: string } | { readonly missing: string };

/** Builds a program of a module under test/peers (seconds at first, then Go's own cache knows better), or says why not. */
export async function buildGoTool(module: keyof typeof PROGRAMS): Promise<GoTool> {
  const binary = resolve(BINARIES, module);
  try {
    const options = { cwd: resolve(PEERS, module), timeout: BUILD_TIMEOUT_MS };
    await promisify(execFile)('go', ['build', '-o', binary, PROGRAMS[module]], options);
    return { binary };
  } catch (error) {
    const { code, stderr = '', message } = error as { code?: unknown; stderr?: string; message: string };
    return { missing: code === 'ENOENT' ? 'there is no `go` on PATH' : `go build: ${stderr.trim() || message}` };
  }
}
