import { status } from '@grpc/grpc-js';
import type { Issue } from '../../../base/units/index.ts';
import { type Action, peerText, rolesWith } from '../../../core/access/index.ts';
import type { DocumentKey } from '../../store/index.ts';
import type { Permit } from '../gate.ts';
import type { Refusal } from './refusal.ts';

/**
 * Whether a caller may see, or change, a document: a ModelService with a role for that service, any other kind (a group says
 * who gets the services of others) with a role for all of them.
 */
export function mayFor({ everywhere, mayFor: mayForService }: Permit, { kind, name }: DocumentKey): boolean {
  return everywhere || (kind === 'ModelService' && mayForService(name));
}

/** The same words whether or not there is such a document. */
export function denied(permit: Permit, action: Action, keys: readonly DocumentKey[]): Refusal | undefined {
  const key = keys.find((one) => !mayFor(permit, one));
  if (key === undefined) return undefined;
  const what =
    key.kind === 'ModelService'
      ? `model service ${JSON.stringify(key.name)}`
      : `all model services, as ${key.kind} documents need`;
  return denial(permit, action, what);
}

export function deniedEverywhere(permit: Permit, action: Action): Refusal | undefined {
  return permit.everywhere ? undefined : denial(permit, action, 'all model services');
}

export function mayNotForce({ peer, mayEverywhere }: Permit): Refusal | undefined {
  if (mayEverywhere('Administer')) return undefined;
  const message = `${peerText(peer)} may not force: it lacks the role Admin for all model services`;
  return { code: status.PERMISSION_DENIED, message };
}

const ELSEWHERE: Issue = {
  code: 'POLICY_ELSEWHERE',
  path: '',
  message: 'the change does not fit with documents that you may not view; ask somebody who may view all of them',
};

const ENVOY_REFUSED = 'POLICY_ENVOY_REFUSED';
/** Envoy quotes what stands beside: resources of several services travel together. */
const WITHHELD = 'Envoy refuses what comes of this; its words may be about documents that you may not view';

/** Issues as far as their reader may know of what they are about. `files` are those that he has sent. */
export function visibleIssues(issues: readonly Issue[], permit: Permit, files: ReadonlySet<string>): readonly Issue[] {
  if (permit.everywhere) return issues;
  const own = issues.filter(({ position, code }) =>
    position === undefined ? code !== ENVOY_REFUSED : files.has(position.file),
  );
  // What is known besides is what others have written.
  const bare = own.map(({ hint, ...issue }) => {
    if (issue.code === ENVOY_REFUSED) return { ...issue, message: WITHHELD };
    return issue.code === 'POLICY_REFERENCE' || hint === undefined ? issue : { ...issue, hint };
  });
  return own.length === issues.length ? bare : [...bare, ELSEWHERE];
}

function denial(permit: Permit, action: Action, what: string): Refusal {
  const [least, ...more] = rolesWith(action);
  const roles = more.length === 0 ? `${least}` : `${least} (or ${more.join(', ')})`;
  return { code: status.PERMISSION_DENIED, message: `${peerText(permit.peer)} lacks the role ${roles} for ${what}` };
}
