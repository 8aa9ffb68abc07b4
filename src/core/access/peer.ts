/** Who calls, as far as it is proven. What he may do follows from this value alone. */
export type Peer =
  /** `--dev`: somebody on this machine, who may do everything. */
  | { readonly kind: 'Development' }
  /** A client authority has signed its certificate; undefined where that names no SPIFFE ID. */
  | { readonly kind: 'Certificate'; readonly spiffeId: string | undefined }
  /** The bearer of a token that an issuer of the access policy has signed. */
  | {
      readonly kind: 'Bearer';
      /** The issuer's name in the access policy. */
      readonly issuer: string;
      readonly subject: string;
      /** The claims that bindings ask for, each as a list. */
      readonly claims: Readonly<Record<string, readonly string[]>>;
    };

/** For messages and logs: who was recognised, without anything that is secret. */
export function peerText(peer: Peer): string {
  switch (peer.kind) {
    case 'Development':
      return 'development on loopback';
    case 'Certificate':
      return peer.spiffeId ?? 'a certificate without SPIFFE ID';
    case 'Bearer':
      return `${peer.subject} (token of ${peer.issuer})`;
  }
}
