import type { EngineFormatName } from '../../../core/policy/index.ts';
import type { EngineRow } from './row.ts';

/** What one kind of model server writes. Data only; `engine-readings.ts` and `engine-recognition.ts` interpret it. */
export type EngineFormat = {
  /** The policy's word. */
  readonly name: EngineFormatName;
  readonly title: string;
  /** For people: where the page is, and what makes the engine serve it. */
  readonly page: string;
  /** A page is of this format when any (`Any`) or each (`All`) of these names stands on it. */
  readonly knownBy: { readonly kind: 'Any' | 'All'; readonly names: readonly string[] };
  /**
   * Labels that tell copies of one engine's value apart (processes, tensor-parallel ranks): folded by the maximum, never
   * summed. Series that differ in any other label are engines of their own.
   */
  readonly copies: readonly string[];
  /** Where two rows make one metric, the upper one that is on the page wins. */
  readonly rows: readonly EngineRow[];
  /** A JSON page that the engine has as well: an object with a list of its data-parallel engines. */
  readonly json?: {
    readonly page: string;
    readonly list: string;
    /** The key that tells the elements of the list apart. */
    readonly engine: string;
    /** Names are the keys of an element. */
    readonly rows: readonly EngineRow[];
  };
  /** A JSON page beside the text page, with what a process states once and never changes. */
  readonly settings?: {
    /** Stands in the URL where the text page has `metrics`. */
    readonly segment: string;
    /** Names are keys of the object. */
    readonly rows: readonly EngineRow[];
  };
};
