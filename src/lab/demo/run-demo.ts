import { writeFile } from 'node:fs/promises';
import { LoadlineError } from '../../base/errors.ts';
import { readShippedTrace } from '../traffic/index.ts';
import { FLEET } from './fleet.ts';
import { Lab } from './lab.ts';
import { lookAround } from './look-around.ts';
import { MeasuredRun } from './measured-run.ts';
import type { DemoOptions } from './options.ts';
import { type DemoReport, makeReport } from './report.ts';
import { planScenario } from './scenario.ts';
import type { Screen } from './screen.ts';
import { summary } from './summary.ts';

/**
 * The whole demo: starts the lab, runs the traffic, reports, and ends every process that it started, whatever happens.
 * Undefined when `signal` aborted it before its end. Throws LoadlineError when a part of the lab fails.
 */
export async function runDemo(
  options: DemoOptions,
  screen: Screen,
  signal: AbortSignal,
): Promise<DemoReport | undefined> {
  const { jsonFile } = options;
  // Three minutes later is too late to learn that the file cannot be written.
  if (jsonFile !== undefined) await writeJson(jsonFile, '');
  const scenario = planScenario(options, FLEET, readShippedTrace());
  const say = (line: string): void => screen.print([line]);
  say(
    `Two lanes of ${FLEET.length} model servers and ${options.sidecars} Envoys, ` +
      `${scenario.ratePerSec.toFixed(1)} requests/s each of the ${scenario.capacityPerSec.toFixed(1)} that a lane can serve.`,
  );
  const lab = await Lab.start(options, FLEET, say);
  let logs: 'Keep' | 'Remove' = 'Keep';
  try {
    const run = new MeasuredRun(lab, options, scenario);
    const measured = await run.toEnd(screen, signal);
    if (measured === undefined) {
      logs = 'Remove';
      return undefined;
    }
    const report = makeReport(options, scenario, FLEET, measured);
    screen.print(['', ...summary(report)]);
    if (jsonFile !== undefined) await writeJson(jsonFile, `${JSON.stringify(report, undefined, 1)}\n`);
    if (options.keep && !signal.aborted) {
      screen.print(['', ...lookAround(lab)]);
      await run.keepGoing(signal);
    }
    if (report.clientErrors === 0) logs = 'Remove';
    return report;
  } finally {
    await lab.stop(logs);
    if (logs === 'Keep') say(`The logs of all processes stay in ${lab.folder}`);
  }
}

async function writeJson(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (cause) {
    throw new LoadlineError('LOADLINE_LAB', `--json ${path} cannot be written: ${(cause as Error).message}`, cause);
  }
}
