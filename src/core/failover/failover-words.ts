import type { FailoverState } from './failover-state.ts';
import { FEWEST_REQUESTS } from './first-tokens.ts';
import type { Room } from './room.ts';
import type { Tiers } from './step-failover.ts';

/**
 * `35 % to standby, as much as it can hold (12 in flight for 16 slots): reserved is slow, first token p95 3.40 s of 160 requests,
 * limit 2 s; it has been well for 12 of 60 s`
 */
export function failoverWords(state: FailoverState, split: Tiers, room?: Room): string {
  const { from, to, phase, percent, cause, measured, wellSec, holdSec, repeats } = state;
  const [first, next] = [namesOf(split, from), to === null ? 'nobody' : namesOf(split, to)];
  const limitMs = split.failover.firstTokenP95AboveMs;
  const speed = limitMs === undefined ? '' : `first token ${speedWords(measured[from])}, limit ${limitMs / 1000} s`;
  if (to === null) return `${first} has everything: no other tier has anybody`;
  if (phase === 'Home') return `${first} has everything${speed === '' ? '' : `: ${speed}`}`;
  const part = percent === 100 ? 'all' : `${percent} %`;
  if (phase === 'Returning') return `${first} has its requests back step by step, ${part} still to ${next}`;
  const held = room === undefined || percent === 100 ? '' : `, as much as it can hold (${room.words})`;
  const why = cause === 'Envoy' ? `the sidecars had given up ${first}` : `${first} is slow, ${speed}`;
  const again =
    repeats === 0 ? '' : `, longer since it was given up again ${repeats === 1 ? 'once' : `${repeats} times`}`;
  return `${part} to ${next}${held}: ${why}; it has been well for ${wellSec.toFixed(0)} of ${holdSec.toFixed(0)} s${again}`;
}

/** `; 2 of 2 servers of standby are cold (they do not answer prompts in time): it gets nothing for slowness` */
export function coldWords({ to }: FailoverState, split: Tiers, cold: number, of: number): string {
  if (to === null || cold === 0) return '';
  const count = `; ${cold} of ${of} ${of === 1 ? 'server' : 'servers'} of ${namesOf(split, to)} ${cold === 1 ? 'is' : 'are'} cold`;
  const outcome = cold === of ? ': it gets nothing for slowness' : ': no room is counted there';
  return `${count} (no answer to prompts in time)${outcome}`;
}

function speedWords(measured: FailoverState['measured'][number] | undefined): string {
  const { p95Sec = null, requests = 0 } = measured ?? {};
  if (p95Sec === null) return `of too few requests to tell (${requests.toFixed(0)} of ${FEWEST_REQUESTS})`;
  return `p95 ${p95Sec.toFixed(2)} s of ${requests.toFixed(0)} requests`;
}

function namesOf({ tiers }: Tiers, tier: number): string {
  return (tiers[tier] ?? []).join(', ');
}
