/**
 * XIDs after which a GPU does no more work until it, or its node, is reset. Codes that end one process alone (13, 31, 43, 45,
 * 94), that wait for the next reset (63), that count corrected errors (92) or that may concern one link of many (74) are not
 * here: health and capacity show what those cost.
 *
 * Source: NVIDIA's Xid catalogue (docs.nvidia.com/deploy/xid-errors), those whose immediate action is to reset the GPU or to
 * restart the machine. 154 is how the driver says so itself; it follows the others, and so hides them in a "last XID".
 */
export const FATAL_XIDS: ReadonlyMap<number, string> = new Map([
  [46, 'the GPU stopped processing'],
  [48, 'a double-bit memory error'],
  [62, 'its power management unit halted'],
  [64, 'a memory row could not be remapped'],
  [79, 'the GPU has fallen off the bus'],
  [95, 'an uncontained memory error'],
  [119, 'its system processor timed out'],
  [120, 'an error of its system processor'],
  [140, 'an unrecovered memory error'],
  [154, 'the driver asks for a reset or a reboot'],
]);

/** `XID 79 (the GPU has fallen off the bus)`; undefined when the code is not fatal. */
export function fatalXidWords(code: number): string | undefined {
  const words = FATAL_XIDS.get(code);
  return words === undefined ? undefined : `XID ${code} (${words})`;
}
