import { status } from '@grpc/grpc-js';
import type { Issue } from '../../../base/units/index.ts';
import { type Verdict, verdictIssues } from '../../../core/dry-run/index.ts';
import type { DocumentText, Policy } from '../../../core/policy/index.ts';
import type { Change, Document, DocumentList } from '../../store/index.ts';
import type { Permit } from '../gate.ts';
import { type Candidate, candidateOf, idOf, stillDamaged } from './candidate.ts';
import type { PoliciesSeam } from './policies-seam.ts';
import { visibleIssues } from './policy-scope.ts';
import { type Answer, done, refuse, refuseTexts } from './refusal.ts';

export type Checked = {
  readonly warnings: readonly Issue[];
  readonly policy: Policy;
  /** Of Envoys, where they were asked. */
  readonly verdict?: Verdict | undefined;
};

/** Changes, and the documents that came with the request. */
export type Planned = { readonly changes: readonly Change[]; readonly coming: readonly DocumentText[] };

/** Whether a change leaves a policy behind, and one that Envoy takes. */
export class PolicyCheck {
  readonly #seam: Pick<PoliciesSeam, 'load' | 'dryRun'>;

  constructor(seam: Pick<PoliciesSeam, 'load' | 'dryRun'>) {
    this.#seam = seam;
  }

  /** Loads what would be there after the changes. `publish`: it is to go out, so that Envoy is asked too. */
  async check(now: DocumentList, { changes, coming }: Planned, publish: boolean = false): Promise<Answer<Checked>> {
    const [damage] = stillDamaged(now.damaged, changes);
    if (damage !== undefined)
      return refuse(
        status.FAILED_PRECONDITION,
        `${damage.record} is damaged (${damage.reason}), so what comes of a change cannot be checked; apply that document again, or roll it back`,
      );
    const candidate = coming.length > 0 ? candidateOf(now.documents, coming) : afterChanges(now.documents, changes);
    const loaded = await this.#seam.load(candidate.files, candidate.reads);
    if (!loaded.ok) return refuseTexts(loaded.issues);
    const nameless = coming.find(({ key }) => key === undefined);
    if (nameless !== undefined) return refuseTexts([unknownDocument(nameless)]);
    const checked = { warnings: loaded.warnings, policy: loaded.value };
    return publish ? this.judged(checked, candidate.files) : done(checked);
  }

  /** The same with what Envoys say; what they refuse is refused. The files are all of the policy that was checked. */
  async judged(checked: Checked, files: Candidate['files']): Promise<Answer<Checked>> {
    const verdict = await this.#seam.dryRun?.verdict({ policy: checked.policy, files });
    const issues = verdict === undefined ? [] : verdictIssues(verdict);
    const [first] = issues;
    if (first === undefined) return done({ ...checked, verdict });
    const { message } = first;
    return { ok: false, refusal: { code: status.FAILED_PRECONDITION, message, issues } };
  }
}

/** What its reader may see of an answer, and of warnings what is about his own files, where he sent some. */
export function visible(answer: Answer<Checked>, permit: Permit, files: ReadonlySet<string>): Answer<Checked> {
  if (answer.ok) {
    const isOwn = ({ position }: Issue): boolean => position !== undefined && files.has(position.file);
    const warnings = answer.value.warnings.filter((one) => isOwn(one) || (permit.everywhere && files.size === 0));
    return done({ ...answer.value, warnings, verdict: permit.everywhere ? answer.value.verdict : undefined });
  }
  const { issues, code } = answer.refusal;
  if (issues === undefined || permit.everywhere) return answer;
  return { ok: false, refusal: { ...refuseTexts(visibleIssues(issues, permit, files)).refusal, code } };
}

function afterChanges(stored: readonly Document[], changes: readonly Change[]): Candidate {
  const changed = new Set(changes.map(idOf));
  const put = changes.flatMap((change) =>
    change.operation === 'Put' ? [{ ...change, file: change.file, line: change.line ?? 1 }] : [],
  );
  const stay = stored.filter((document) => !changed.has(idOf(document)));
  const all = [...stay, ...put].toSorted((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
  return candidateOf(all as readonly Document[], []);
}

function unknownDocument({ part: { name, firstLine = 1 } }: DocumentText): Issue {
  return {
    code: 'POLICY_SYNTAX',
    path: '',
    message: 'expected one document with kind and name',
    position: { file: name, line: firstLine, column: 1 },
  };
}
