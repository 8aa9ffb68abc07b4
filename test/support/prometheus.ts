import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';

const run = promisify(execFile);
const CACHED = resolve(import.meta.dirname, '../../node_modules/.cache/loadline/prometheus');
const INSTALL_TIMEOUT_MS = 120_000;
const READY_TRIES = 200;
const READY_PAUSE_MS = 50;

export type FoundPrometheus = { readonly binary: string } | { readonly missing: string };

/**
 * A real Prometheus: the one in LOADLINE_PROMETHEUS, else the cached one, else that of Debian (19 MB, seconds). Its package
 * is unpacked and not installed, which needs no rights and starts no service.
 */
export async function findPrometheus(): Promise<FoundPrometheus> {
  const named = process.env.LOADLINE_PROMETHEUS;
  if (named !== undefined) return existsSync(named) ? { binary: named } : { missing: `there is no ${named}` };
  if (existsSync(CACHED)) return { binary: CACHED };
  mkdirSync(dirname(CACHED), { recursive: true });
  const folder = mkdtempSync(join(dirname(CACHED), '.install-'));
  const options = { cwd: folder, timeout: INSTALL_TIMEOUT_MS };
  try {
    await run('apt-get', ['download', 'prometheus'], options);
    const deb = readdirSync(folder).find((name) => name.endsWith('.deb')) ?? 'prometheus.deb';
    await run('dpkg', ['-x', deb, '.'], options);
    // By one rename, so that two tests at once do no harm.
    renameSync(join(folder, 'usr/bin/prometheus'), CACHED);
    return { binary: CACHED };
  } catch (error) {
    const { code, stderr = '', message } = error as { code?: unknown; stderr?: string; message: string };
    return { missing: code === 'ENOENT' ? 'there is no apt-get' : `apt-get download: ${stderr.trim() || message}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export type ScrapeJob = {
  readonly job: string;
  /** `host:port`. */
  readonly targets: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly honorLabels?: boolean;
  /** Where it differs from that of the others. */
  readonly scrapeIntervalMs?: number;
};

export type PrometheusOptions = { readonly binary: string; readonly scrapeIntervalMs: number };

/** A Prometheus process that scrapes what a test gives it and keeps nothing. */
export class Prometheus {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(url: string, child: ChildProcess, folder: string) {
    this.url = url;
    this.#child = child;
    this.#folder = folder;
  }

  static async start({ binary, scrapeIntervalMs }: PrometheusOptions, jobs: readonly ScrapeJob[]): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'loadline-prometheus-'));
    const every = `${scrapeIntervalMs}ms`;
    const config = {
      global: { scrape_interval: every, scrape_timeout: every },
      scrape_configs: jobs.map(({ job, targets, labels = {}, honorLabels = false, scrapeIntervalMs: own }) => ({
        job_name: job,
        ...(own === undefined ? {} : { scrape_interval: `${own}ms`, scrape_timeout: `${own}ms` }),
        honor_labels: honorLabels,
        static_configs: [{ targets, labels }],
      })),
    };
    const file = join(folder, 'prometheus.yml');
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(config));
    const address = `127.0.0.1:${await freePort()}`;
    const flags = [`--config.file=${file}`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=${address}`];
    const child = spawn(binary, flags, { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      log = `${log}${chunk}`.slice(-4000);
    });
    const prometheus = new Prometheus(`http://${address}`, child, folder);
    for (let tried = 0; tried < READY_TRIES && child.exitCode === null; tried++) {
      if (await isReady(prometheus.url)) return prometheus;
      await new Promise((wait) => setTimeout(wait, READY_PAUSE_MS));
    }
    await prometheus.stop();
    throw new Error(`Prometheus does not get ready: ${log}`);
  }

  /** The value of the first series of an instant query; undefined when there is none. */
  async value(query: string): Promise<number | undefined> {
    const answer = await fetch(`${this.url}/api/v1/query?query=${encodeURIComponent(query)}`);
    const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
    const first = data.result[0];
    return first === undefined ? undefined : Number(first.value[1]);
  }

  /** One of the values that Prometheus exports about itself. */
  async own(series: string): Promise<number> {
    const page = await (await fetch(`${this.url}/metrics`)).text();
    const line = page.split('\n').find((one) => one.startsWith(`${series} `));
    return line === undefined ? 0 : Number(line.slice(series.length));
  }

  /** When the samples of one series were scraped in the last seconds, epoch milliseconds. */
  async times(selector: string, lastSec: number): Promise<readonly number[]> {
    const answer = await fetch(`${this.url}/api/v1/query?query=${encodeURIComponent(`${selector}[${lastSec}s]`)}`);
    const { data } = (await answer.json()) as { data: { result: { values: [number, string][] }[] } };
    return data.result.flatMap(({ values }) => values.map(([atSec]) => atSec * 1000));
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/-/ready`)).ok;
  } catch {
    // Not listening yet.
    return false;
  }
}
