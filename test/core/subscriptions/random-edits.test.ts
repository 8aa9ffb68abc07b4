import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/units/index.ts';
import { TYPE_URL } from '../../../src/core/resources/index.ts';
import { viewOf } from '../../../src/core/snapshot/index.ts';
import type { Variant } from '../../../src/core/subscriptions/index.ts';
import { RandomWorld } from './random-world.ts';
import { VirtualFleet } from './virtual-fleet.ts';

/** `npm run test:long` lives four times as many. */
const HISTORIES = process.env.LOADLINE_TEST_LONG === '1' ? 100 : 25;
const FIRST = 1;
const EDITS = 100;

/**
 * Ten thousand edits (four kinds of client, 25 histories, 100 edits) with NACKs, stalls, broken connections and restarts: at
 * no instant does a route of the model point to a cluster that is missing or lost its endpoints, nothing refused comes
 * again, nothing comes without a reason, and in the end the client has what it should have.
 */
describe.each([
  ['Delta', 'Named'],
  ['Delta', 'Unnamed'],
  ['Sotw', 'Named'],
  ['Sotw', 'Unnamed'],
] as const)('%s, refusals %s', (variant: Variant, style: 'Named' | 'Unnamed') => {
  it.each(Array.from({ length: HISTORIES }, (_, seed) => FIRST + seed))(`${EDITS} edits, history %i`, (seed) => {
    const { fleet, world, story } = live(variant, style, seed);
    const problems = fleet.model
      .problems()
      .filter((problem) => !problem.startsWith('UH by refusal') && !fleet.excused.includes(problem));
    expect(problems, [...story, ...fleet.said].join('\n')).toEqual([]);
    for (const type of ['cluster', 'endpoint', 'listener', 'route'] as const) {
      const view = viewOf(fleet.snapshot, TYPE_URL[type]);
      const wanted = [...view].map(([name, { bytes }]) => [name, Buffer.from(bytes).toString()]);
      const held = [...(type === 'cluster' ? fleet.model.heldVersions(TYPE_URL.cluster) : bodiesHeld(fleet, type))];
      expect(held.map(([name]) => name).sort(), `${type}: ${[...story, ...fleet.said].join('\n')}`).toEqual(
        wanted.map(([name]) => name).sort(),
      );
    }
    expect(
      fleet.refusals.map(({ name }) => name),
      [...story, ...fleet.said].join('\n'),
    ).toEqual([]);
    expect(fleet.waiting).toEqual([]);
    expect(world.resources().length).toBeGreaterThan(0);
  });
});

function bodiesHeld(fleet: VirtualFleet, type: 'endpoint' | 'listener' | 'route'): ReadonlyMap<string, string> {
  return fleet.model.heldVersions(TYPE_URL[type]);
}

function live(variant: Variant, style: 'Named' | 'Unnamed', seed: number) {
  const random = seededRandom(seed * 7919);
  const world = new RandomWorld(random);
  const fleet = new VirtualFleet(variant, random, style);
  const story: string[] = [];
  const tell = (text: string): void => {
    story.push(`${fleet.nowMs}: ${text}`);
  };
  fleet.publish(world.resources());
  fleet.connect();
  fleet.run(2000);
  tell('started');
  for (let edit = 0; edit < EDITS; edit += 1) {
    world.spoils = edit > 10 && seed % 2 === 0;
    tell(world.edit());
    fleet.publish(world.resources());
    const luck = random();
    if (luck < 0.04 && fleet.connected) {
      // A client of state of the world says only which set it took, and a new server cannot know what was in it.
      const serverRestarts = variant === 'Delta' && random() < 0.3;
      tell(serverRestarts ? 'the server restarts' : 'the connection breaks');
      fleet.disconnect({ serverRestarts });
    } else if (luck < 0.1) {
      tell('the client stalls');
      fleet.stall(Math.floor(random() * 3000));
    }
    if (!fleet.connected && random() < 0.5) {
      tell('the client comes back');
      fleet.connect();
    }
    fleet.run(Math.floor(random() * (random() < 0.3 ? 800 : 60)));
  }
  if (!fleet.connected) fleet.connect();
  fleet.run(8000);
  world.heal();
  fleet.publish(world.resources());
  tell('healed');
  fleet.run(60_000);
  return { fleet, world, story };
}
