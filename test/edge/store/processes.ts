import type { ProcessTable } from '../../../src/edge/store/index.ts';

/** A process of a machine whose processes the test knows: by id, with the time of their start where it is known. */
export function processes(
  pid: number,
  alive: Readonly<Record<number, string | undefined>> = { [pid]: `birth of ${pid}` },
  host = 'machine',
): ProcessTable {
  return { pid, host, isAlive: (id) => id in alive, birthOf: (id) => alive[id] };
}
