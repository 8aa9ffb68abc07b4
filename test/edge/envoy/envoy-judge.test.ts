import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EnvoyJudge, EnvoysAtHand, JudgementCache } from '../../../src/edge/envoy/index.ts';
import { FakePrograms } from './fake-programs.ts';

let fakes: FakePrograms;
const judges: EnvoyJudge[] = [];
beforeEach(() => {
  fakes = new FakePrograms();
});
afterEach(async () => {
  for (const judge of judges.splice(0)) await judge.stop();
  fakes.remove();
});

/** An Envoy that refuses a bootstrap with a field `bad`, never answers to one with `slow`, and writes down what it was asked. */
function fakeEnvoy(version = '1.40.0'): { readonly binary: string; readonly version: string } {
  const asked = join(fakes.folder, 'asked');
  const binary = fakes.program(
    `envoy-${version}`,
    `const { appendFileSync, readFileSync } = require('node:fs');
    const config = JSON.parse(readFileSync(process.argv[process.argv.indexOf('-c') + 1], 'utf8'));
    appendFileSync(${JSON.stringify(asked)}, 'began ' + config.name + '\\n');
    if (config.crash) process.kill(process.pid, 'SIGSEGV');
    else if (config.loud) { process.stderr.write('x'.repeat(40e6)); setTimeout(() => {}, 60e3); }
    else if (config.slow) setTimeout(() => {}, 60e3);
    else setTimeout(() => {
      appendFileSync(${JSON.stringify(asked)}, 'ended ' + config.name + '\\n');
      if (config.bad) { process.stderr.write("[2026-01-01][1][critical][main] error initializing configuration '/x/y.json': " + config.bad + '\\n'); process.exit(1); }
    }, 50);`,
  );
  return { binary, version };
}

function asked(): readonly string[] {
  const path = join(fakes.folder, 'asked');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

function judge(options: { readonly cache?: string; readonly timeoutMs?: number } = {}): EnvoyJudge {
  const { cache, timeoutMs = 20_000 } = options;
  const made = new EnvoyJudge({ cache: new JudgementCache(cache), timeoutMs });
  judges.push(made);
  return made;
}

describe('the Envoy that judges', () => {
  it('gives back its reason, without the words that speak of our own file', async () => {
    const made = judge();
    expect(await made.judge(fakeEnvoy(), { name: 'a' })).toEqual({ outcome: 'Accepted', cached: false });
    expect(await made.judge(fakeEnvoy(), { name: 'b', bad: 'no such cluster' })).toEqual({
      outcome: 'Refused',
      cached: false,
      message: 'no such cluster',
    });
  });

  it('keeps both ends of a long refusal: it begins with a dump and ends with the reason', async () => {
    const bad = `${'dump '.repeat(5000)}: the reason`;
    const said = await judge().judge(fakeEnvoy(), { name: 'a', bad });
    expect(said.outcome === 'Refused' && said.message.startsWith('dump') && said.message.endsWith(': the reason')).toBe(
      true,
    );
    expect(said.outcome === 'Refused' ? said.message.length : 0).toBeLessThan(5000);
  });

  it('asks one at a time, and the same question once', async () => {
    const made = judge();
    const envoy = fakeEnvoy();
    const answers = await Promise.all(['a', 'b', 'a', 'c'].map((name) => made.judge(envoy, { name })));
    expect(answers.map(({ outcome }) => outcome)).toEqual(['Accepted', 'Accepted', 'Accepted', 'Accepted']);
    expect(asked()).toEqual(['began a', 'ended a', 'began b', 'ended b', 'began c', 'ended c']);
    expect(await made.judge(envoy, { name: 'b' })).toEqual({ outcome: 'Accepted', cached: true });
    expect(await made.judge(fakeEnvoy('1.36.4'), { name: 'b' })).toEqual({ outcome: 'Accepted', cached: false });
  });

  it('knows after a restart what was said before, and asks again when that cannot be read', async () => {
    const cache = join(fakes.folder, 'verdicts.json');
    const first = judge({ cache });
    await first.judge(fakeEnvoy(), { name: 'a', bad: 'because' });
    await first.stop();
    const refused = { outcome: 'Refused', cached: true, message: 'because' };
    expect(await judge({ cache }).judge(fakeEnvoy(), { name: 'a', bad: 'because' })).toEqual(refused);
    expect(asked()).toHaveLength(2);
    for (const damaged of ['{', '{"format":1,"judgements":[["x",{"ok":"yes"}],7]}', '[]', '{"format":2}']) {
      writeFileSync(cache, damaged);
      const said = await judge({ cache }).judge(fakeEnvoy(), { name: 'a', bad: 'because' });
      expect(said).toEqual({ ...refused, cached: false });
      await judges.at(-1)?.stop();
    }
  });

  it('kills one that does not answer in time, crashes or floods, remembers nothing of it, and goes on', async () => {
    const made = judge({ timeoutMs: 300 });
    const envoy = fakeEnvoy();
    const silent = { outcome: 'NoAnswer', cached: false, message: expect.stringContaining('no answer in 300 ms') };
    expect(await made.judge(envoy, { name: 'slow', slow: true })).toEqual(silent);
    expect(await made.judge(envoy, { name: 'slow', slow: true })).toEqual(silent);
    const patient = judge();
    expect(await patient.judge(envoy, { name: 'crash', crash: true })).toMatchObject({ outcome: 'NoAnswer' });
    expect(await patient.judge(envoy, { name: 'loud', loud: true })).toMatchObject({ outcome: 'NoAnswer' });
    const missing = { binary: '/nowhere/envoy', version: '1.40.0' };
    expect(await patient.judge(missing, { name: 'missing' })).toMatchObject({ outcome: 'NoAnswer' });
    expect(await patient.judge(envoy, { name: 'well' })).toMatchObject({ outcome: 'Accepted' });
  });

  it('ends with the server, whatever it was doing', async () => {
    const made = judge();
    const waiting = [made.judge(fakeEnvoy(), { name: 'slow', slow: true }), made.judge(fakeEnvoy(), { name: 'next' })];
    while (asked().length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    await made.stop();
    expect((await Promise.all(waiting)).map(({ outcome }) => outcome)).toEqual(['NoAnswer', 'NoAnswer']);
    expect(asked()).toEqual(['began slow']);
  });
});

describe('the Envoys at hand', () => {
  const env = (over: Record<string, string> = {}): Record<string, string> => ({
    PATH: '',
    LOADLINE_CACHE: join(fakes.folder, 'cache'),
    ...over,
  });

  it('are those that were named, and no others', async () => {
    const mine = fakes.envoy('1.39.1', 'my-envoy');
    fakes.envoy('1.40.0');
    const named = new EnvoysAtHand({ binaries: [mine, '/nowhere/envoy'], env: env({ PATH: fakes.folder }) });
    expect(await named.look()).toEqual({
      envoys: [{ binary: mine, version: '1.39.1' }],
      unusable: ['/nowhere/envoy: does not exist'],
    });
    const ordered = new EnvoysAtHand({ env: env({ PATH: fakes.folder, LOADLINE_ENVOY: mine }) });
    expect((await ordered.look()).envoys).toEqual([{ binary: mine, version: '1.39.1' }]);
  });

  it('are the one on PATH and each version in the cache, and one that comes later is found', async () => {
    const onPath = fakes.envoy('1.38.3');
    const hand = new EnvoysAtHand({ env: env({ PATH: fakes.folder }) });
    expect((await hand.look()).envoys).toEqual([{ binary: onPath, version: '1.38.3' }]);
    for (const version of ['1.36.4', '1.38.0', '1.40.0']) {
      await mkdir(join(fakes.folder, 'cache/envoy', version), { recursive: true });
      fakes.envoy(version, `cache/envoy/${version}/envoy`);
    }
    const { envoys, unusable } = await hand.look();
    expect(envoys.map(({ version }) => version)).toEqual(['1.38.3', '1.36.4', '1.40.0']);
    expect(unusable).toEqual([expect.stringMatching(/1\.38\.0\/envoy: version 1\.38\.0 loses hosts/)]);
  });

  it('are none on a bare machine, and nothing is downloaded', async () => {
    fakes.program('python3', `require('node:fs').writeFileSync(${JSON.stringify(join(fakes.folder, 'asked'))}, 'pip')`);
    expect(await new EnvoysAtHand({ env: env({ PATH: fakes.folder }) }).look()).toEqual({ envoys: [], unusable: [] });
    expect(asked()).toEqual([]);
  });
});
