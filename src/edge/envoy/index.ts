export type { HostStatus } from './admin.ts';
export { type EnvoyExit, EnvoyProcess } from './envoy-process.ts';
export { envoyVersion } from './envoy-version.ts';
export { type FindOptions, findEnvoy } from './find-envoy.ts';
export { type InstallOptions, installEnvoy } from './install-envoy.ts';
export { EnvoyAdmins } from './open-requests.ts';
export { type StartOptions, startEnvoy } from './start-envoy.ts';
export { type Validation, validateBootstrap } from './validate-bootstrap.ts';
