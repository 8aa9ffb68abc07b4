import { type ModelServersConfig, startModelServers } from '../modelserver/index.ts';

/**
 * Entry of the process that runs the model servers of both lanes, so that their timers do not wait for the load generator.
 * Its argument is the configuration as JSON; it tells its parent where everything listens and ends with it.
 */
const config = JSON.parse(process.argv[2] ?? '') as ModelServersConfig;
const running = await startModelServers(config);
const end = async (): Promise<void> => {
  await running.stop();
  process.exit(0);
};
process.once('SIGTERM', end);
process.once('disconnect', end);
// Ctrl-C reaches every process of the terminal; the parent decides when this one ends.
process.on('SIGINT', () => undefined);
process.send?.({ servers: running.servers, controlAddress: running.controlAddress });
