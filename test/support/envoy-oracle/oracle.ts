import { stringify } from 'yaml';
import { type Issue, seededRandom } from '../../../src/base/units/index.ts';
import { loadPolicy, type Policy } from '../../../src/core/policy/index.ts';
import { checkResource } from '../../../src/core/resources/index.ts';
import { type Item, itemOf, refusedOf } from './judge-batches.ts';
import { type Mutant, mutant } from './mutations.ts';
import { NotExpressible, uncheckedPolicy } from './unchecked-policy.ts';
import { uncheckedResources } from './unchecked-resources.ts';

/** One mutated policy: what we say of it and what Envoy says of what it would be sent. */
export type Case = {
  readonly mutant: Mutant;
  readonly text: string;
  /** Empty: we accept it. */
  readonly issues: readonly Issue[];
  /** Envoy's reason; undefined: it takes it. `NotExpressible`: there is nothing that it could be asked. */
  readonly envoy: { readonly kind: 'Taken' | 'NotExpressible' } | { readonly kind: 'Refused'; readonly reason: string };
  /** Envoy's own rules refuse what our language accepts: only the last check before publication would see it. */
  readonly brokenRules: readonly string[];
  /** Our twin without checks says something else than the loader of what both take. */
  readonly twinDiffers: boolean;
};

export type OracleOptions = {
  readonly binary: string;
  /** Release that the configuration is made for. */
  readonly release: string;
  readonly count: number;
  readonly seed: number;
};

/** Mutates, loads, compiles (what we refuse: past our checks) and asks Envoy. */
export async function oracle({ binary, release, count, seed }: OracleOptions): Promise<readonly Case[]> {
  const random = seededRandom(seed);
  const drafts = Array.from({ length: count }, (_, index) => draft(mutant(index, random), index, release));
  const accepted = drafts.flatMap(({ item, issues }) => (item !== undefined && issues.length === 0 ? [item] : []));
  const refused = drafts.flatMap(({ item, issues }) => (item !== undefined && issues.length > 0 ? [item] : []));
  const reasons = new Map(await refusedOf(binary, accepted));
  // Most of these Envoy refuses too: asked together they would be asked again and again.
  for (const item of refused) for (const [key, reason] of await refusedOf(binary, [item])) reasons.set(key, reason);
  return drafts.map(({ item, ...rest }) => {
    const reason = reasons.get(rest.mutant);
    const envoy: Case['envoy'] =
      item === undefined
        ? { kind: 'NotExpressible' }
        : reason === undefined
          ? { kind: 'Taken' }
          : { kind: 'Refused', reason };
    return { ...rest, envoy };
  });
}

type Draft = Omit<Case, 'envoy'> & { readonly item: Item<Mutant> | undefined };

function draft(made: Mutant, index: number, release: string): Draft {
  const text = textOf(made);
  const loaded = loadPolicy([{ name: 'policy.yaml', text }]);
  const issues = loaded.ok ? [] : loaded.issues;
  let twin: Policy | undefined;
  let item: Item<Mutant> | undefined;
  let brokenRules: readonly string[] = [];
  try {
    twin = uncheckedPolicy(made.documents);
    const resources = uncheckedResources(loaded.ok ? loaded.value : twin, release);
    if (loaded.ok)
      brokenRules = resources.flatMap((one) => checkResource(one).map(({ path, message }) => `${path}: ${message}`));
    item = itemOf(made, index, resources);
  } catch (error) {
    if (!(error instanceof NotExpressible)) throw error;
  }
  const twinDiffers = loaded.ok && meaning(loaded.value) !== (twin && meaning(twin));
  return { mutant: made, text, issues, brokenRules, twinDiffers, item };
}

function textOf({ documents: { group, services } }: Mutant): string {
  const { name, ...spec } = group;
  const documents = [
    { apiVersion: 'loadline.dev/v1alpha1', kind: 'SidecarGroup', metadata: { name }, spec },
    ...services.map((service) => ({
      apiVersion: 'loadline.dev/v1alpha1',
      kind: 'ModelService',
      metadata: { name: service.name },
      spec: service.spec,
    })),
  ];
  return documents.map((document) => stringify(document, { aliasDuplicateObjects: false })).join('---\n');
}

/** Without places and what nothing is compiled from. */
function meaning(policy: Policy): string {
  return JSON.stringify({ ...policy, revision: '' }, (key, value: unknown) => {
    if (key === 'origin' || key === 'signals') return undefined;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
