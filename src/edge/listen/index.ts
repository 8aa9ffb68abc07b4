export { removeStaleSocket } from './stale-socket.ts';
