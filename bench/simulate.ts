import { planRehearsal, runRehearsal } from '../src/lab/rehearse/index.ts';
import type { Arm } from '../src/lab/simulate/index.ts';
import type { Row } from './main.ts';
import { policyOf } from './policy-of.ts';

const SERVERS = 64;
const REQUESTS = 100_000;
const ARMS: readonly Arm[] = ['LeastRequest', 'Loadline'];

/** What a million requests in virtual time cost, in seconds of one core: the wall clock of a busy machine says less. */
export function simulate(): readonly Row[] {
  const plan = planRehearsal({ policy: policyOf(SERVERS), load: 0.8 });
  const durationMs = Math.round((REQUESTS / plan.traffic.ratePerSec) * 1000);
  const rehearsal = planRehearsal({ policy: policyOf(SERVERS), load: 0.8, durationMs });
  return ARMS.map((arm) => {
    const before = process.cpuUsage();
    const { runs } = runRehearsal(rehearsal, { arms: [arm], seeds: [1] });
    const { user, system } = process.cpuUsage(before);
    const done =
      runs
        .get(arm)?.[0]
        ?.issued.flat()
        .reduce((sum, one) => sum + one, 0) ?? 0;
    return {
      what: `simulate, 10^6 requests, ${arm}`,
      value: `${((user + system) / done).toFixed(1)} s CPU`,
      note: `${SERVERS} servers, 16 sidecars, 80 % load; measured on ${done} requests`,
    };
  });
}
