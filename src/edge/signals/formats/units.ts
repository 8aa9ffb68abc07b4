/**
 * A unit as a format writes it, with the factor that leads to the unit of our metric and the bounds of what is believed:
 * outside of them a value is refused (blanks such as 9223372036854775794 are).
 */
export type Unit = {
  readonly words: string;
  readonly scale: number;
  readonly min: number;
  readonly max: number;
  /** The value is a set of bits: 1 when any of these is set, else 0. */
  readonly mask?: number;
};

const MIB = 1_048_576;

/** Five per cent above one: interval averages overshoot a little; more than that is another unit. */
export const RATIO: Unit = { words: '0..1', scale: 1, min: 0, max: 1.05 };
export const PERCENT: Unit = { words: '%', scale: 0.01, min: 0, max: 105 };
export const REQUESTS: Unit = { words: 'requests', scale: 1, min: 0, max: 1e6 };
/** A limit of zero is one that is not known yet. */
export const REQUEST_LIMIT: Unit = { words: 'requests', scale: 1, min: 1, max: 1e6 };
export const TOKENS: Unit = { words: 'tokens', scale: 1, min: 0, max: 1e15 };
export const SECONDS: Unit = { words: 's', scale: 1, min: 0, max: 1e15 };
export const EVENTS: Unit = { words: 'count', scale: 1, min: 0, max: 1e15 };
export const UNIX_SECONDS: Unit = { words: 'epoch s', scale: 1, min: 1, max: 1e11 };
export const WATTS: Unit = { words: 'W', scale: 1, min: 0, max: 20_000 };
export const MILLIWATTS: Unit = { words: 'mW', scale: 0.001, min: 0, max: 2e7 };
export const MEBIBYTES: Unit = { words: 'MiB', scale: MIB, min: 0, max: 1e8 };
export const BYTES: Unit = { words: 'bytes', scale: 1, min: 0, max: 1e14 };
/** A clock of zero is not a reading. */
export const MEGAHERTZ: Unit = { words: 'MHz', scale: 1e6, min: 1, max: 20_000 };
export const HERTZ: Unit = { words: 'Hz', scale: 1, min: 1e6, max: 2e10 };
export const CODE: Unit = { words: 'code', scale: 1, min: 0, max: 10_000 };
export const FLAG: Unit = { words: '0 or 1', scale: 1, min: 0, max: 1 };

export const NANOSECONDS: Unit = { words: 'ns', scale: 1e-9, min: 0, max: 1e18 };
export const MICROSECONDS: Unit = { words: 'us', scale: 1e-6, min: 0, max: 1e15 };
/**
 * NVML's clocks event reasons of which a GPU loses capacity: HW slowdown 0x8, SW thermal 0x20, HW thermal 0x40 and HW power
 * brake 0x80. The others are idling, a setting, or the power cap that any busy GPU runs into.
 */
export const CLOCK_REASONS: Unit = { words: 'bits', scale: 1, min: 0, max: 0xffff, mask: 0xe8 };
