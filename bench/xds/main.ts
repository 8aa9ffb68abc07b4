/**
 * `npm run bench:xds`: XdsServer beside go-control-plane, each in a process of its own, in the same minutes and under the
 * same load client. Read the ratios: the figures themselves are of one machine at one time.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { judge } from './bars.ts';
import { build } from './build.ts';
import { makeCertificates } from './certificates.ts';
import { type Figures, medianFigures } from './figures.ts';
import { type Options, parseOptions, USAGE } from './options.ts';
import { planScenarios, type Scenario } from './scenario.ts';
import type { ServerName } from './server-child.ts';
import { type Cell, tableText } from './table.ts';

const args = process.argv.slice(2);
if (args.includes('--help')) process.stdout.write(USAGE);
else await run(optionsOrExit());

async function run(options: Options): Promise<void> {
  note('building');
  const built = build();
  if (built.peerMissing !== undefined) note(`without go-control-plane: ${built.peerMissing}`);
  const certificates = options.kinds.includes('tls') ? makeCertificates() : undefined;
  if (typeof certificates === 'string') note(`without mutual TLS: ${certificates}`);
  const usable = typeof certificates === 'string' ? undefined : certificates;
  const scenarios = planScenarios(options, usable);
  const variants = options.variants.filter((name) => built.commands[name] !== undefined);
  const runs = new Map<Scenario, Map<ServerName, Figures[]>>(
    scenarios.map((scenario) => [scenario, new Map(variants.map((server) => [server, []]))]),
  );
  for (let pass = 1; pass <= options.repeat; pass += 1) {
    for (const scenario of scenarios) {
      for (const server of variants) {
        note(`pass ${pass} of ${options.repeat}: ${scenario.title}: ${server}`);
        try {
          const figures = await scenario.run({ server, built });
          runs.get(scenario)?.get(server)?.push(figures);
        } catch (error) {
          process.exitCode = 1;
          note(`FAILED: ${scenario.title}: ${server}: ${(error as Error).message}`);
        }
      }
    }
  }
  report(
    options,
    scenarios.map((scenario) => ({
      scenario,
      figures: Object.fromEntries(
        [...(runs.get(scenario) ?? [])]
          .filter(([, list]) => list.length > 0)
          .map(([server, list]) => [server, medianFigures(list)]),
      ),
    })),
  );
}

function report(options: Options, cells: readonly Cell[]): void {
  const bars = judge(cells);
  process.stdout.write(
    `Loadline xDS bench, Node ${process.versions.node}, ${availableParallelism()} cores, ` +
      `${options.rounds} changes, median of ${options.repeat}\n\n${tableText(cells)}\n`,
  );
  for (const { text, verdict } of bars) process.stdout.write(`${verdict.padEnd(12)}  ${text}\n`);
  if (bars.some(({ verdict }) => verdict === 'FAIL')) process.exitCode = 1;
  if (options.json === undefined) return;
  const blocks = cells.map(({ scenario: { kind, title, streams, shape }, figures }) => ({
    kind,
    title,
    streams,
    shape,
    figures,
  }));
  writeFileSync(options.json, `${JSON.stringify({ options, cells: blocks, bars }, null, 2)}\n`);
}

function optionsOrExit(): Options {
  try {
    return parseOptions(args);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

function note(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
