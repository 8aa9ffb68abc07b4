import type { Issue, Result } from '../../../base/units/index.ts';
import type { DocumentTexts, Policy, PolicyFile, ReadFile } from '../../../core/policy/index.ts';
import type { DocumentStore, PolicyRead } from '../../store/index.ts';
import type { DryRunSeam } from '../dry-run-seam.ts';

/** What the Policies service works on. */
export interface PoliciesSeam {
  /** Who owns the policies: one of them is the only writer. */
  readonly owner:
    | { readonly kind: 'Store'; readonly store: DocumentStore }
    | { readonly kind: 'Files'; readonly path: string; read(): PolicyRead };
  /**
   * Loads texts as one policy, and gives others a turn meanwhile. The same texts again cost nothing, so that what was checked
   * before a write is not read anew after it. `reads`: what was read of them already.
   */
  load(files: readonly PolicyFile[], reads?: ReadonlyMap<PolicyFile, ReadFile>): Promise<Result<Policy>>;
  /** The documents of a file. What is large is read where it keeps nobody waiting. */
  documentsOf(file: PolicyFile): DocumentTexts | Promise<DocumentTexts>;
  /** What no change may do without being forced; absent: each may. */
  readonly guard?: {
    /** Why it takes too much away of what is in force. */
    shrinks(candidate: Policy): Issue | undefined;
    /** Lets this revision take as much away as it does. @returns what forgets that again, for a write that did not come about */
    force(revision: string): () => void;
  };
  /** Says what a change does, and whether Envoy takes it; absent: nobody is asked. */
  readonly dryRun?: DryRunSeam;
}
