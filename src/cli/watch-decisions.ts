import { stringify } from 'yaml';
import { LoadlineError } from '../base/errors.ts';
import type { ObserveClient } from '../edge/admin/index.ts';
import type { DecisionView } from '../edge/observe/index.ts';
import { granted } from './by-hand.ts';
import { decisionHead, decisionLines, decisionValue } from './decision-words.ts';
import { untilInterrupted } from './interrupt.ts';
import type { Io, OutputFormat } from './io.ts';

export type Watched = {
  /** `chat`, `chat/gpu` or `chat/gpu/10.0.0.1:8000`. */
  readonly target: string;
  readonly output: OutputFormat;
};

const NAMES_SHOWN = 8;

/**
 * Prints each decision about a target as it comes, until the process is interrupted.
 * @throws LoadlineError LOADLINE_ADMIN when there is no such target, or the server goes away
 */
export async function watchDecisions(io: Io, client: ObserveClient, { target, output }: Watched): Promise<void> {
  const [service = ''] = target.split('/');
  if (output === 'table') io.out(decisionHead());
  const print = (view: DecisionView): void => {
    if (output === 'json') io.out(`${JSON.stringify(decisionValue(view))}\n`);
    else if (output === 'yaml') io.out(`---\n${stringify(decisionValue(view))}`);
    else {
      if (view.skipped > 0) io.err(`${view.skipped} tick(s) with changes came faster than they could be read\n`);
      io.out(decisionLines(view, io.colour));
    }
  };
  const problem = await untilInterrupted(async (signal) => {
    const ending = new AbortController();
    const all = AbortSignal.any([signal, ending.signal]);
    let missing: LoadlineError | undefined;
    const take = (view: DecisionView): void => {
      const narrowed = below(view, target);
      if (narrowed.endpoints.length > 0 || (target === service && !view.complete)) print(narrowed);
      else if (view.complete && target !== service) {
        missing ??= notThere(view, target);
        ending.abort();
      }
    };
    granted(await client.watchDecisions(service, take, all));
    return missing;
  });
  if (problem !== undefined) throw problem;
}

function below(view: DecisionView, target: string): DecisionView {
  if (target === view.service) return view;
  return { ...view, endpoints: view.endpoints.filter(({ id }) => id === target || id.startsWith(`${target}/`)) };
}

function notThere({ service, endpoints }: DecisionView, target: string): LoadlineError {
  const ids = endpoints.map(({ id }) => id);
  const more = ids.length - NAMES_SHOWN;
  const known = `${ids.slice(0, NAMES_SHOWN).join(', ') || 'none'}${more > 0 ? ` and ${more} more` : ''}`;
  return new LoadlineError('LOADLINE_ADMIN', `service ${service} has no endpoint "${target}"; there are: ${known}`);
}
