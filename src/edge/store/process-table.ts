import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { errorCode } from './error-code.ts';

/** Who is running, as far as a lock needs to know. */
export interface ProcessTable {
  readonly pid: number;
  readonly host: string;
  isAlive(pid: number): boolean;
  /** Tells a process from a later one with the same id; undefined where the system does not say. */
  birthOf(pid: number): string | undefined;
}

/** Fields of `/proc/PID/stat` after the command's closing parenthesis: the 20th is the start time in clock ticks. */
const START_TIME_FIELD = 19;

export const systemProcesses: ProcessTable = {
  pid: process.pid,
  host: hostname(),
  isAlive: (pid) => {
    try {
      process.kill(pid, 0);
      return true;
    } catch (error) {
      // EPERM: it lives and belongs to somebody else.
      return errorCode(error) === 'EPERM';
    }
  },
  birthOf: (pid) => {
    try {
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_TIME_FIELD];
      return started === undefined ? undefined : `${boot}/${started}`;
    } catch (error) {
      // No /proc (macOS), or the process has just ended.
      if (errorCode(error) === undefined) throw error;
      return undefined;
    }
  },
};
