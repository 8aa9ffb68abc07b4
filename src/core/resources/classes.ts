import type { JsonObject } from '../../base/codec/index.ts';
import type { Policy, SidecarGroup, TrafficClass } from '../policy/index.ts';

/** The traffic classes of one group. */
export type GroupClasses = {
  /** Header that names the class, in lower case. */
  readonly header: string;
  /** Those that the clients of the group may choose, in the order of the policy, the group's default last. */
  readonly allowed: readonly TrafficClass[];
  /** Of all classes that there are, those that the group does not allow included. */
  readonly names: readonly string[];
  /** Of the limits of a sidecar and service, what is left for classes without a reserve, 0..1. */
  readonly openRatio: number;
};

/** The part of a service's routes that is about one class. */
export type ClassRoute = {
  readonly class: TrafficClass;
  readonly header: string;
  /** Matchers that tell its requests, beside what tells those of the service. */
  readonly headers: readonly JsonObject[];
};

/** Undefined for a group without classes: its requests are all of one kind. */
export function classesOf(policy: Policy, { trafficClasses: chosen }: SidecarGroup): GroupClasses | undefined {
  const found = chosen && policy.trafficClasses.find(({ name }) => name === chosen.use);
  if (chosen === undefined || found === undefined) return undefined;
  const allowed = found.classes.filter(({ name }) => chosen.allow.includes(name));
  const reserved = found.classes.reduce((sum, { reservePercent }) => sum + reservePercent, 0);
  return {
    header: found.header,
    names: found.classes.map(({ name }) => name),
    allowed: [
      ...allowed.filter(({ name }) => name !== chosen.default),
      ...allowed.filter(({ name }) => name === chosen.default),
    ],
    // A reserve is kept by every sidecar: the requests that it is for come through another one, to the same servers.
    openRatio: 1 - reserved / 100,
  };
}

/**
 * Requests with the name of the class in their header, and with that of no other: since 1.39 Envoy takes each line of a header by
 * itself, and a line that a client wrote would choose beside one that a gateway added. Before, several lines are one text that names no class.
 */
export function namesOnly({ header, names }: GroupClasses, { name }: TrafficClass): readonly JsonObject[] {
  const others = names.filter((other) => other !== name);
  return [
    { name: header, string_match: { exact: name } },
    ...others.map((exact) => ({ name: header, string_match: { exact }, invert_match: true })),
  ];
}

/** Whether a class has a reserve: its requests are counted apart, by Envoy's routing priority. */
export function isReserved({ reservePercent }: TrafficClass): boolean {
  return reservePercent > 0;
}

/** Whether clients of the group may choose a class that has one. */
export function hasReserve(classes: GroupClasses | undefined): boolean {
  return classes?.allowed.some(isReserved) === true;
}
