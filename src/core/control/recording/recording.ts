import type { Operation } from '../../operations/index.ts';
import type { Delivery, EndpointSet, LoadReport, NodePresence, PromptAnswer } from '../../topology/index.ts';
import type { ServiceDecision } from '../../weights/index.ts';
import type { Perturbation } from '../perturbation.ts';
import type { Plan } from '../plan.ts';
import type { ControlState } from '../tick.ts';
import type { SampleGroup } from './sample-groups.ts';

export const RECORDING_FORMAT = 'loadline-recording';
/** A change that older code cannot read raises it. */
export const RECORDING_VERSION = 2;
/** Those that are read: what a State of version 1 remembers of sidecars is brought up to date when it is ticked. */
export const READABLE_VERSIONS: readonly number[] = [1, RECORDING_VERSION];

/**
 * The state of the law without the policy in its plan: that one stands in the Policy line before, as text, so that
 * today's code reads it with today's defaults.
 */
export type RecordedState = Omit<ControlState, 'plan'> & { readonly plan?: Omit<Plan, 'policy'> };

/**
 * One line of a recording, as JSON. A file starts with a Header, and says Policy, Endpoints and State before its first
 * Tick, and again where they change; so every file can be replayed by itself, and a Gap (ticks that could not be written
 * in time) is followed by the State that it led to.
 */
export type RecordingLine =
  | {
      readonly kind: 'Header';
      readonly format: typeof RECORDING_FORMAT;
      readonly version: number;
      /** Version of Loadline that wrote it. */
      readonly program: string;
      readonly startedAtMs: number;
    }
  | {
      readonly kind: 'Policy';
      readonly revision: string;
      readonly files: readonly { readonly name: string; readonly text: string }[];
    }
  | { readonly kind: 'Endpoints'; readonly sets: readonly EndpointSet[] }
  | { readonly kind: 'State'; readonly state: RecordedState }
  | { readonly kind: 'Gap'; readonly ticks: number }
  | {
      readonly kind: 'Tick';
      readonly nowMs: number;
      readonly samples: readonly SampleGroup[];
      readonly reports: readonly LoadReport[];
      readonly presence: readonly NodePresence[];
      /** ACKs alone. Absent where there were none, and in recordings of before they were kept. */
      readonly deliveries?: readonly Delivery[];
      /** Absent where there were none. */
      readonly answers?: readonly PromptAnswer[];
      /** Absent where there were none. */
      readonly perturbations?: readonly Perturbation[];
      /** Absent: those of the tick before; none at the start of a file. */
      readonly operations?: readonly Operation[];
      /** What was decided, by service. */
      readonly decisions: Readonly<Record<string, ServiceDecision>>;
    };

export function recordedState({ plan, ...state }: ControlState): RecordedState {
  if (plan === undefined) return state;
  const { policy: _, ...rest } = plan;
  return { ...state, plan: rest };
}
