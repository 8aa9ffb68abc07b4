import { beforeAll, describe, expect, it } from 'vitest';
import { type Case, oracle } from '../support/envoy-oracle/oracle.ts';
import { OWN_RULES, ownRule } from '../support/envoy-oracle/own-rules.ts';
import { envoyOf, type Found, INSTALL_TIMEOUT_MS } from '../support/envoy-releases.ts';

const LONG = process.env.LOADLINE_TEST_LONG === '1';
const COUNT = LONG ? 5000 : 60;
const SEED = 20_261_126;
/** The oldest that is supported, and the newest; a short run asks the newest alone. */
const VERSIONS = LONG ? ['1.36.4', '1.40.0'] : ['1.40.0'];
/** Of the policies that Envoy takes. */
const MAX_FALSE_REFUSALS = 0.005;

/**
 * Policies with one to three values changed (edges of durations, counts, percentages and ports; odd names, hosts, paths, headers and
 * addresses; things twice, or none, or many), through our loader and compiler, with `envoy --mode validate` as the oracle. What we refuse
 * is compiled past our checks by a twin of the loader without any, so that Envoy can be asked about it too.
 */
describe.each(VERSIONS)('mutated policies, judged by Envoy %s', (version) => {
  let found: Found;
  let cases: readonly Case[] = [];
  beforeAll(async () => {
    found = await envoyOf(version);
    if ('missing' in found) return;
    cases = await oracle({ binary: found.binary, release: version.slice(0, 4), count: COUNT, seed: SEED });
    tell(version, cases);
  }, INSTALL_TIMEOUT_MS + 3_600_000);

  it('are taken by Envoy where we take them, and break none of its rules', (context) => {
    if ('missing' in found) return context.skip();
    expect(cases).toHaveLength(COUNT);
    const missed = cases.filter(({ issues, envoy }) => issues.length === 0 && envoy.kind !== 'Taken');
    expect(missed.map(words)).toEqual([]);
    expect(cases.filter(({ brokenRules }) => brokenRules.length > 0).map(words)).toEqual([]);
  });

  it('are hardly ever refused by us where Envoy takes them, but for reasons of our own', (context) => {
    if ('missing' in found) return context.skip();
    const taken = cases.filter(({ envoy }) => envoy.kind === 'Taken');
    expect(taken.length).toBeGreaterThan(COUNT / 3);
    expect(falseRefusals(cases).length / taken.length, falseRefusals(cases).map(words).join('\n')).toBeLessThanOrEqual(
      MAX_FALSE_REFUSALS,
    );
  });

  it('are of both kinds, and the twin without checks says what the loader says of those that it takes', (context) => {
    if ('missing' in found) return context.skip();
    expect(cases.filter(({ twinDiffers }) => twinDiffers).map(words)).toEqual([]);
    expect(cases.some(({ envoy, issues }) => envoy.kind === 'Refused' && issues.length > 0)).toBe(true);
    for (const { issues } of cases) for (const issue of issues) expect(issue.position).toBeDefined();
  });
});

/** Refused by us for at least one reason that is not one of our own, and taken by Envoy. */
function falseRefusals(cases: readonly Case[]): readonly Case[] {
  return cases.filter(
    ({ envoy, issues }) => envoy.kind === 'Taken' && issues.some((issue) => ownRule(issue) === undefined),
  );
}

function words({ mutant, issues, envoy, brokenRules }: Case): string {
  const said = envoy.kind === 'Refused' ? envoy.reason.slice(-300) : envoy.kind;
  const ours = issues.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return `${mutant.edits.join(', ')} | ours: ${ours || 'accepted'} | Envoy: ${said} ${brokenRules.join('; ')}`;
}

function tell(version: string, cases: readonly Case[]): void {
  const count = (ours: 'accepted' | 'refused', kind: Case['envoy']['kind']): number =>
    cases.filter(({ issues, envoy }) => (issues.length === 0 ? 'accepted' : 'refused') === ours && envoy.kind === kind)
      .length;
  const taken = count('accepted', 'Taken') + count('refused', 'Taken');
  const figures = {
    policies: cases.length,
    acceptedAndTaken: count('accepted', 'Taken'),
    acceptedButRefusedByEnvoy: count('accepted', 'Refused') + count('accepted', 'NotExpressible'),
    refusedByBoth: count('refused', 'Refused'),
    refusedAndNotExpressible: count('refused', 'NotExpressible'),
    refusedForReasonsOfOurOwn: count('refused', 'Taken') - falseRefusals(cases).length,
    falseRefusals: falseRefusals(cases).length,
    falseRefusalPercent: Number(((100 * falseRefusals(cases).length) / taken).toFixed(3)),
  };
  process.stdout.write(`oracle ${version}: ${JSON.stringify(figures)}\n`);
  if (!LONG) return;
  for (const { why } of OWN_RULES) {
    const times = cases.filter(
      ({ envoy, issues }) => envoy.kind === 'Taken' && issues.some((issue) => ownRule(issue) === why),
    ).length;
    process.stdout.write(`  ${times} because ${why}\n`);
  }
  for (const one of falseRefusals(cases)) process.stdout.write(`  false: ${words(one)}\n`);
}
