import type { DailyWindow } from '../policy/index.ts';

/** Making one takes a hundred times what using it does, and there are few zones. */
const CLOCKS = new Map<string, Intl.DateTimeFormat>();

/** Whether a class is welcome now, by the wall clock of its zone: where that is set forward or back, so is the window. */
export function isOpen({ fromMinute, toMinute, timeZone }: DailyWindow, nowMs: number): boolean {
  const minute = minuteOfDay(timeZone, nowMs);
  return fromMinute < toMinute ? minute >= fromMinute && minute < toMinute : minute >= fromMinute || minute < toMinute;
}

function minuteOfDay(timeZone: string, nowMs: number): number {
  let clock = CLOCKS.get(timeZone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
    CLOCKS.set(timeZone, clock);
  }
  const [hour = 0, minute = 0] = clock.format(nowMs).split(':').map(Number);
  return 60 * hour + minute;
}
