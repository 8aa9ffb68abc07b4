export { localVerdict } from './local-verdict.ts';
export { runServe, type ServeOptions } from './run-serve.ts';
export { type Addresses, LoadlineServer, type ServerOptions } from './server.ts';
export { VERSION } from './version.ts';
