/** How a sidecar reaches the servers of a service. */
export type Upstream = {
  /** `Auto`: what a server chooses in the handshake (ALPN); every pool has TLS then. */
  readonly protocol: 'Http1' | 'Http2' | 'Auto';
  /** Of the pools that have none of their own; absent: plaintext. */
  readonly tls?: UpstreamTls;
};

/** How servers prove who they are. All files are on the sidecar's machine and are read there: a policy holds no secret. */
export type UpstreamTls = {
  /** The name that the handshake asks for; absent: none. */
  readonly sni?: string;
  /** DNS names, IP addresses or URIs; the server's certificate has one of them. At least one. */
  readonly subjectAltNames: readonly string[];
  readonly trustedCa: { readonly filename: string } | { readonly sds: SdsFile };
  /** What the sidecar proves itself with, where servers ask for it. */
  readonly clientCertificate?:
    | { readonly certificateChain: string; readonly privateKey: string }
    | { readonly sds: SdsFile };
};

/** A secret in a file that Envoy reads again when it is replaced. */
export type SdsFile = { readonly path: string; readonly name: string };
