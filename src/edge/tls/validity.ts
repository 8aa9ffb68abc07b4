/** Whose time runs out; as the label of the metric has it. */
export type CertificateRole = 'server' | 'client_ca' | 'client_crl';

export type Validity = {
  readonly role: CertificateRole;
  readonly file: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
};

/** `Late` is for whoever renews; `Urgent` means that nobody does. */
export type ValidityState = 'Valid' | 'Late' | 'Urgent' | 'Expired';

/** Parts of a life that are left. Renewal at a third of it is what cert-manager and SPIRE do, and is not late yet. */
const LATE_RATIO = 0.3;
const URGENT_RATIO = 0.1;

export function validityState({ notBeforeMs, notAfterMs }: Validity, nowMs: number): ValidityState {
  if (nowMs >= notAfterMs) return 'Expired';
  const left = (notAfterMs - nowMs) / (notAfterMs - notBeforeMs);
  if (left < URGENT_RATIO) return 'Urgent';
  return left < LATE_RATIO ? 'Late' : 'Valid';
}
