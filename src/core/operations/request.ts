import { scrubText } from '../../base/units/index.ts';
import type { Interruption } from './interruption.ts';
import type { Operation } from './operation.ts';

type Asked = {
  readonly service: string;
  readonly reason: string;
  readonly endsAtMs: number;
  /** Begin it although a check stops it. */
  readonly force: boolean;
  /** Everywhere at once, without canaries. */
  readonly now?: boolean;
  readonly idempotencyKey?: string;
};

/** What somebody asks for, before it is checked. */
export type OperationRequest =
  | (Asked & { readonly kind: 'Freeze' })
  | (Asked & {
      readonly kind: 'Drain';
      readonly pool?: string;
      readonly endpoint?: string;
      readonly interruption?: Interruption;
    })
  | (Asked & { readonly kind: 'Failover'; readonly from: string; readonly to?: string })
  | (Asked & { readonly kind: 'Shed'; readonly percent: number; readonly class?: string });

/** As it is kept and told. */
export function reasonOf({ reason }: Pick<OperationRequest, 'reason'>): string {
  return scrubText(reason.trim());
}

/** Whether an operation is what this request asks for: then a repeated call is answered with it. */
export function asksFor(request: OperationRequest, operation: Operation): boolean {
  const { service, reason } = operation;
  if (request.kind !== operation.kind || request.service !== service || reasonOf(request) !== reason) return false;
  const keys = ['pool', 'endpoint', 'from', 'to', 'percent', 'class'] as const;
  const [asked, is] = [request, operation] as unknown as readonly Readonly<Record<string, unknown>>[];
  return keys.every((key) => asked?.[key] === is?.[key]);
}
