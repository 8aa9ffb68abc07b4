export { type ClientCertificate, clientCertificate, spiffeIdOf } from './client-certificate.ts';
export { type ClientTls, type ClientTlsFiles, readClientTls } from './client-tls.ts';
export {
  type DevelopmentFile,
  type DevelopmentOptions,
  writeDevelopmentCertificates,
} from './development-certificates.ts';
export {
  HANDSHAKE_REASONS,
  type HandshakeFailure,
  type HandshakeReason,
  handshakeFailure,
} from './handshake-failure.ts';
export { checkServerTls, type ServerTls } from './server-tls.ts';
export { readTlsFiles, type TlsFiles, type TlsTexts } from './tls-files.ts';
export { serverOptions, type TlsMaterial } from './tls-material.ts';
export { type TlsListener, TlsWatch } from './tls-watch.ts';
export { type CertificateRole, type Validity, type ValidityState, validityState } from './validity.ts';
