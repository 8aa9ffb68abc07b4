export { type AdminServer, type AdminServerOptions, createAdminServer, type ObserveSeam } from './admin-server.ts';
export { type ConnectOptions, connectObserve, type ObserveClient } from './observe-client.ts';
