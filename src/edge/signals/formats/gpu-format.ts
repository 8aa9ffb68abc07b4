import type { MetricRow } from './row.ts';

/** Which labels of a GPU exporter say whom a series is about. Of several labels the first with a usable value counts. */
export type DeviceLabels = {
  readonly uuid?: readonly string[];
  /** Put before a UUID that lacks it, so that two exporters call one device the same. */
  readonly prefix?: string;
  /** A number that stands in where there is no UUID. */
  readonly index?: readonly string[];
  /** The part of a cut device. */
  readonly instance?: readonly string[];
  /** Label that says how the device is cut; with one of these values (in lower case) it is whole. */
  readonly whole?: { readonly label: string; readonly values: readonly string[] };
  readonly pod?: readonly string[];
  readonly namespace?: readonly string[];
  readonly node?: readonly string[];
};

/** What one GPU exporter writes. Data only; `gpu-readings.ts` and `gpu-labels.ts` interpret it. */
export type GpuFormat = {
  readonly title: string;
  /** For people: where the page is. */
  readonly page: string;
  readonly device: DeviceLabels;
  readonly rows: readonly MetricRow[];
};
