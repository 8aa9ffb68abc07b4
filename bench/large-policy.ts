import { readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { DryRuns } from '../src/app/dry-run.ts';
import { PolicyLoads } from '../src/app/policy-loads.ts';
import { doPolicyWork } from '../src/app/policy-work.ts';
import { INITIAL_STATE } from '../src/core/control/index.ts';
import type { PolicyFile, PolicyVersion } from '../src/core/policy/index.ts';
import type { Row } from './main.ts';
import { median } from './median.ts';
import { policyFileOf } from './policy-of.ts';

const ROUNDS = 5;
/** One service in one document: the YAML library gives nobody a turn within it. 10,000 have half a megabyte. */
const ENDPOINTS = [500, 2000, 10_000] as const;
const DRY_RUN_ENDPOINTS = 1000;

/** How long everything else waits while a large policy is read: in this thread, and as the server reads it. */
export async function largePolicy(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const endpoints of ENDPOINTS) {
    const here: number[] = [];
    const beside: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const { name, text } = policyFileOf(endpoints);
      // Another text each time: what is known is not read again.
      const file: PolicyFile = { name, text: `${text}# ${round}\n` };
      here.push(await longestTurnMs(async () => void doPolicyWork({ kind: 'Load', files: [file] })));
      beside.push(await longestTurnMs(async () => void (await new PolicyLoads().loadInTurns([file]))));
    }
    const kib = policyFileOf(endpoints).text.length / 1024;
    const [before, after] = [median(here), median(beside)];
    rows.push({
      what: `reading a policy of ${endpoints} endpoints: longest turn`,
      value: `${after.toFixed(1)} ms`,
      note: `CPU of this thread, median of ${ROUNDS}, ${kib.toFixed(0)} KiB; ${before.toFixed(1)} ms where it is read in this thread, ${(before / after).toFixed(1)} times as long`,
    });
  }
  return [...rows, await dryRunRow()];
}

/** A change of one endpoint among {@link DRY_RUN_ENDPOINTS}, for one group; no Envoy is asked. */
async function dryRunRow(): Promise<Row> {
  const loads = new PolicyLoads();
  const dryRuns = new DryRuns({
    mode: 'Disabled',
    atHand: { look: async () => ({ envoys: [], unusable: [] }) },
    judge: { judge: async () => ({ outcome: 'NoAnswer', message: 'not asked', cached: false }) },
    state: () => INITIAL_STATE,
    operations: () => [],
    connected: () => [],
    diff: (before, after) => loads.diff(before, after),
    now: () => 0,
  });
  const turns: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const file = policyFileOf(DRY_RUN_ENDPOINTS + round);
    const versions: PolicyVersion[] = [];
    for (const files of [[file], [{ ...file, text: file.text.replace('port: 8000', 'port: 8001') }]]) {
      const loaded = await loads.loadInTurns(files);
      if (!loaded.ok) throw new Error(loaded.issues.map(({ message }) => message).join('; '));
      versions.push({ policy: loaded.value, files });
    }
    const [before, after] = versions;
    turns.push(await longestTurnMs(async () => void (await dryRuns.report(before, after as PolicyVersion))));
  }
  return {
    what: `dry run over ${DRY_RUN_ENDPOINTS} endpoints: longest turn`,
    value: `${median(turns).toFixed(1)} ms`,
    note: `CPU of this thread, median of ${ROUNDS}, the first ${turns[0]?.toFixed(1)} ms; no Envoy is asked`,
  };
}

/**
 * The most CPU time of this thread between two turns of the event loop while the work is done. Not the wall time: on a busy
 * machine that is mostly of others.
 */
async function longestTurnMs(work: () => Promise<void>): Promise<number> {
  let longest = 0;
  let working = true;
  const watching = (async () => {
    for (let last = threadCpuMs(); working; ) {
      await turn();
      const now = threadCpuMs();
      longest = Math.max(longest, now - last);
      last = now;
    }
  })();
  await turn();
  await work();
  working = false;
  await watching;
  return longest;
}

/** On a CPU since its start, of the thread that is named as the process is: the first. */
function threadCpuMs(): number {
  const [ns] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
  return Number(ns) / 1e6;
}
