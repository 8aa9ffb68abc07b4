export { Acceptor, type AcceptorOptions } from './acceptor.ts';
export { removeStaleSocket } from './stale-socket.ts';
