import { readFileSync } from 'node:fs';

/** USER_HZ, the unit of /proc/PID/stat: 100 on every Linux that Node runs on. */
const MS_PER_TICK = 10;

/** User and system time of a process, all threads, in steps of 10 ms. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name may hold spaces and brackets: fields are counted from behind it. utime is the 14th, stime the 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

export function rssKibOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** Open files that a process started from here may have. */
export function openFileLimit(): number {
  // Node raises its own soft limit to the hard one, and children inherit it.
  return Number(/Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
}
