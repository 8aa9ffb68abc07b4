import { parentPort, workerData } from 'node:worker_threads';
import { doPolicyWork, type PolicyWork } from './policy-work.ts';

// A thread of its own for one piece of work (policy-threads.ts starts it, and ends it).
parentPort?.postMessage(doPolicyWork(workerData as PolicyWork));
